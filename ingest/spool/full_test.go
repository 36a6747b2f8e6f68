package spool

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestFull fills a spool far beyond its bound and reads back what is left.
func TestFull(t *testing.T) {
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	s, _ := opened(t, Options{MaxBytes: 1 << 20, Registerer: registry, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	lsns := put(t, s, 10, 3000)
	for range 200 {
		lsns = append(lsns, put(t, s, 10, 3000)...)
		synced(t, s)
		var size int64
		names, _ := osFolder(s.opt.Dir).list()
		for _, name := range names {
			info, err := os.Stat(filepath.Join(s.opt.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			size += blocks(info.Size())
		}
		if st := s.Stats(); size > 1<<20 || size != st.DiskBytes {
			t.Fatalf("got %d bytes on disk, the spool says %d, its bound is 1 MiB", size, st.DiskBytes)
		}
	}
	got, st := places(t, s), s.Stats()
	if !slices.Equal(got, lsns[len(lsns)-len(got):]) || len(got) < 250 {
		t.Fatalf("got %d messages, want the newest ones and most of the room used", len(got))
	}
	var byKind uint64
	for _, n := range st.LostByKind {
		byKind += n
	}
	if want := uint64(len(lsns) - len(got)); st.LostFull != want || byKind != want || st.LostMemory != 0 {
		t.Fatalf("got %+v, want %d lost", st, want)
	}
	if got := bytes.Count(contents(t, s.opt.Dir), []byte(canary)); got != st.Messages {
		t.Fatalf("got %d messages on disk, want %d", got, st.Messages)
	}
	if !strings.Contains(log.String(), "bring the broker back") || strings.Contains(log.String(), canary) {
		t.Fatalf("got %q in the log, want what to do and no content", log.String())
	}
	want := map[string]float64{
		"messages": float64(st.Messages), "bytes": float64(st.Bytes), "lost_total full": float64(st.LostFull),
		"lost_total memory": 0, "lost_total damaged": 0, "sync_errors_total": 0, "synced_bytes_total": float64(len(lsns) * 3036),
	}
	if got := gathered(t, registry); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got metrics %v, want %v", got, want)
	}
}

// gathered are the values of all metrics, named without their beginning, with their label's value.
func gathered(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := strings.TrimPrefix(family.GetName(), "footfall_spool_")
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			values[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values
}

func TestASmallerBoundIsKeptFromTheStart(t *testing.T) {
	s, _ := opened(t, Options{MaxBytes: 4 << 20})
	lsns := put(t, s, 500, 4000)
	synced(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, found := opened(t, Options{Dir: s.opt.Dir, MaxBytes: 1 << 20})
	st, got := s.Stats(), places(t, s)
	if st.DiskBytes > 1<<20 || found.Messages != 500 || st.LostFull != uint64(500-len(got)) || len(got) < 100 {
		t.Fatalf("got %+v after finding %d, want 1 MiB of them left", st, found.Messages)
	}
	if !slices.Equal(got, lsns[500-len(got):]) {
		t.Fatal("want the newest left")
	}
}
