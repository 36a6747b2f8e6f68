package optout_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/openfootfall/footfall/sensor/optout"
)

// TestConnectionsAreBounded: who comes when all places are taken waits for one, and gets it.
func TestConnectionsAreBounded(t *testing.T) {
	var answers atomic.Int64
	_, at := run(t, func(o *optout.Options) { o.Connections, o.Count = 1, func(string) { answers.Add(1) } })
	ask := func() (net.Conn, *bufio.Reader) {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := io.WriteString(c, "GET /en/help HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		return c, bufio.NewReader(c)
	}
	answered := func(what string, from *bufio.Reader) {
		t.Helper()
		res, err := http.ReadResponse(from, nil)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("%s: got %d, %v", what, res.StatusCode, err)
		}
	}
	first, fromFirst := ask()
	answered("the first", fromFirst)
	_, fromSecond := ask()
	if got := answers.Load(); got != 1 {
		t.Errorf("got %d answers while the only place is taken, want 1", got)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	answered("the second, when the first has gone", fromSecond)
}
