package optout_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/sensor/optout"
	"github.com/openfootfall/footfall/sensor/optout/guard"
)

// TestFailedWritesCostTheShopperNothing has the registry fail for a while, in front of a real guard: whoever tried meanwhile has
// everything left afterwards that a shopper has.
func TestFailedWritesCostTheShopperNothing(t *testing.T) {
	free := guard.DefaultLimits()
	for _, row := range []struct {
		path     string
		form     []string
		atOnce   int
		question string // of the page that asks for a proof
	}{
		{"/en/register", []string{"address", stable}, free.Free.Burst, `action="/en/register"`},
		{"/en/undo", []string{"receipt", "01234-56789-ABCDE-FGHJK"}, free.LookFree.Burst, `action="/en/undo"`},
	} {
		t.Run(row.path, func(t *testing.T) {
			judge, err := guard.New(guard.Options{})
			if err != nil {
				t.Fatal(err)
			}
			r := newRig(t, func(o *optout.Options) { o.Guard = judge })
			r.book.fails = errAway
			for i := range 3 * row.atOnce {
				r.wants(fmt.Sprint("kafka fails, ", i), r.post(row.path, row.form...), http.StatusServiceUnavailable)
			}
			r.book.fails = nil
			for i := range row.atOnce {
				got := r.post(row.path, row.form...)
				r.wants(fmt.Sprint("it is back, ", i), got, http.StatusOK)
				if challenged(got) {
					t.Errorf("try %d after recovery: got a challenge, want it done", i)
				}
			}
			last := r.post(row.path, row.form...)
			r.wants("more than is free", last, http.StatusOK, row.question)
			if !challenged(last) {
				t.Error("more than is free was not challenged")
			}
		})
	}
}

// TestNoReceiptCostsTheShopperNothing is the same where there are no random numbers for a receipt.
func TestNoReceiptCostsTheShopperNothing(t *testing.T) {
	judge, err := guard.New(guard.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(o *optout.Options) { o.Guard, o.Random = judge, errReader{} })
	for i := range 20 {
		r.wants(fmt.Sprint("try ", i), r.post("/en/register", "address", stable), http.StatusServiceUnavailable)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errAway }

// challenged says whether the page asks for a proof.
func challenged(r reply) bool {
	return strings.Contains(r.Header.Get("Content-Security-Policy"), "script-src")
}
