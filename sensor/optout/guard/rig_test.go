package guard

import (
	"bytes"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// rig is a guard with a clock that stands still until it is moved, and randomness that is the same every time.
type rig struct {
	t   testing.TB
	g   *Guard
	now time.Time
	reg *prometheus.Registry
	log bytes.Buffer
}

func newRig(t testing.TB, change ...func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC), reg: prometheus.NewPedanticRegistry()}
	o := Options{
		Limits: Limits{Bits: 1, MaxBits: 1}, Now: func() time.Time { return r.now }, Random: rand.NewChaCha8([32]byte{'g'}),
		Registerer: r.reg, Logger: slog.New(slog.NewTextHandler(&r.log, nil)),
	}
	for _, c := range change {
		c(&o)
	}
	var err error
	if r.g, err = New(o); err != nil {
		t.Fatal(err)
	}
	return r
}

func limits(change func(*Limits)) func(*Options) { return func(o *Options) { change(&o.Limits) } }

func request(from string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/en/register", http.NoBody)
	r.RemoteAddr = from
	return r
}

func (r *rig) judge(from string, what Kind, proof string) Decision {
	r.t.Helper()
	d := r.g.Judge(request(from), what, proof)
	hold, refuse, ask := d.Burst != 0, d.RetryAfter != 0, d.Challenge != Task{}
	if hold != (d.Verdict == Hold) || refuse != (d.Verdict == Refuse) || ask != (d.Verdict == Challenge) {
		r.t.Fatalf("got %+v, want the fields of its verdict and no others", d)
	}
	return d
}

func (r *rig) want(name string, got Decision, want Verdict) {
	r.t.Helper()
	if got.Verdict != want {
		r.t.Errorf("%s: got %v, want %v", name, got.Verdict, want)
	}
}

// prove asks until it is challenged, works, and comes back with the proof.
func (r *rig) prove(from string, what Kind) Decision {
	r.t.Helper()
	d := r.judge(from, what, "")
	if d.Verdict != Challenge {
		return d
	}
	return r.judge(from, what, solve(d.Challenge))
}

// solve does the work of a browser.
func solve(c Task) string {
	for n := 0; ; n++ {
		if text := c.Token + ":" + strconv.Itoa(n); zeros(text) >= c.Bits {
			return text
		}
	}
}

// lazy is a nonce that does no work.
func lazy(c Task) string {
	for n := 0; ; n++ {
		if text := c.Token + ":" + strconv.Itoa(n); zeros(text) < c.Bits {
			return text
		}
	}
}

func (r *rig) pass(d time.Duration) { r.now = r.now.Add(d) }

func (r *rig) metric(name string, labels ...string) float64 {
	r.t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "footfall_optout_guard_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			var have []string
			for _, l := range m.GetLabel() {
				have = append(have, l.GetValue())
			}
			if strings.Join(have, ",") == strings.Join(labels, ",") {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	r.t.Fatalf("there is no metric %s of %v", name, labels)
	return 0
}

// unread is a body that fails the test when somebody reads it.
type unread struct{ t testing.TB }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the guard read a body")
	return 0, io.EOF
}

func (u unread) Close() error { return nil }

func TestMetricsAreWellFormed(t *testing.T) {
	r := newRig(t)
	r.judge("192.0.2.1:1", Register, "")
	problems, err := testutil.GatherAndLint(r.reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("got %v and %v, want neither", problems, err)
	}
	other, err := New(Options{Registerer: r.reg})
	if err != nil {
		t.Fatalf("a second guard of the process: %v", err)
	}
	other.Judge(request("192.0.2.1:1"), Register, "")
	if got := r.metric("decisions_total", "register", "admit"); got != 2 {
		t.Errorf("got %v admitted, want 2 by the two guards", got)
	}
}
