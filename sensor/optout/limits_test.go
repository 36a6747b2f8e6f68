package optout

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestPlaces(t *testing.T) {
	for _, row := range []struct {
		name                string
		wanted, files, want int
	}{
		{"the default", 0, 1 << 20, 512},
		{"few files", 0, 256, 128},
		{"as told", 40, 1024, 40},
		{"more than there are files for", 4000, 1024, 512},
		{"hardly any file", 0, 1, 1},
	} {
		if got := places(row.wanted, row.files); got != row.want {
			t.Errorf("%s: got %d, want %d", row.name, got, row.want)
		}
	}
	if openFiles() < 16 {
		t.Errorf("got %d files, want what this process may open", openFiles())
	}
}

// TestTimesFit: an answer that waited for the registry for as long as it may is still written, at the end of the service too; who
// says nothing holds a place for less than that.
func TestTimesFit(t *testing.T) {
	const registryPatience = 15 * time.Second // of package registry
	switch {
	case registryTime <= registryPatience:
		t.Error("the pages give up before the registry does")
	case shutdownTime < registryTime:
		t.Error("the end of the service cuts off who waits for a receipt")
	case writeTime < readTime+registryTime:
		t.Error("an answer that waited may not be written any more")
	case beginTime > 5*time.Second || idleTime > 15*time.Second:
		t.Error("silent connections hold their places for long")
	}
}

// TestConnectionsNotAcceptedAreSaidNowAndThen: net/http repeats its complaint every second.
func TestConnectionsNotAcceptedAreSaidNowAndThen(t *testing.T) {
	var log bytes.Buffer
	m, err := newServiceMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	q := &silent{s: &Service{o: Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, metrics: m}, now: func() time.Time { return now }}
	for range 180 {
		if _, err := q.Write([]byte("http: Accept error: accept tcp 192.0.2.1:443: too many open files; retrying in 1s\n")); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	if got := strings.Count(log.String(), "are not accepted"); got != 3 {
		t.Errorf("got %d lines in three minutes, want 3", got)
	}
	if strings.Contains(log.String(), "192.0.2.1") {
		t.Error("the log repeats what net/http says, addresses too")
	}
}
