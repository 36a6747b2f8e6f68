package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/optout"
	"github.com/openfootfall/footfall/sensor/optout/notice"
)

// TestServeDoesNotReplaceALostKey: under another key every registration would be void, and nobody would hear of it.
func TestServeDoesNotReplaceALostKey(t *testing.T) {
	cfg := serveConfig{Data: filepath.Join(t.TempDir(), "data")}
	log := slog.New(slog.DiscardHandler)
	first, _, err := serveKeys(cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(cfg.path("kafka"), 0o700); err != nil { // by hand, say: nothing is in it
		t.Fatal(err)
	}
	file, aside := cfg.path("optout.key"), cfg.path("aside")
	if err := os.Rename(file, aside); err != nil {
		t.Fatal(err)
	}
	if _, _, err := serveKeys(cfg, log); err != nil {
		t.Errorf("without a registry: got %v, want another key", err)
	}
	if err := errors.Join(os.Remove(file), os.MkdirAll(cfg.path("kafka/log"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := serveKeys(cfg, log); !errors.Is(err, errKeyLost) || !strings.Contains(err.Error(), "restore the file") || !strings.Contains(err.Error(), file) {
		t.Errorf("with a registry: got %v, want errKeyLost, which names the file", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("with a registry: got a key file or %v, want none", err)
	}
	if err := os.Rename(aside, file); err != nil {
		t.Fatal(err)
	}
	if again, _, err := serveKeys(cfg, log); err != nil || again.Check() != first.Check() {
		t.Errorf("with the file restored: got %v, want the first key", err)
	}
}

// TestServeWithEndsTheServerFirst: what is under way there may need the others until it is done.
func TestServeWithEndsTheServerFirst(t *testing.T) {
	errBroken := errors.New("broken")
	for _, row := range []struct {
		name           string
		server, behind error // what they fail with, at once; nil: they run until they are told to end
		want           error
	}{
		{"the context ends", nil, nil, nil},
		{"the server fails", errBroken, nil, errBroken},
		{"a part behind it fails", nil, errBroken, errBroken},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, end := context.WithTimeout(t.Context(), time.Minute)
			defer end()
			started, early := make(chan struct{}), false
			var behind context.Context //nolint:containedctx // to look whether it has ended
			err := serveWith(ctx,
				part{"serve", func(ctx context.Context) error {
					<-started
					if row.want == nil {
						end()
					}
					if row.server != nil {
						return row.server
					}
					<-ctx.Done() // and then the requests under way end
					early = behind.Err() != nil
					return nil
				}},
				part{"stand behind it", func(ctx context.Context) error {
					behind = ctx
					close(started)
					if row.behind != nil {
						return row.behind
					}
					<-ctx.Done()
					return ctx.Err()
				}})
			if !errors.Is(err, row.want) || early {
				t.Errorf("got %v, and ended before the server %v, want %v, and never", err, early, row.want)
			}
		})
	}
}

// TestHealthNamesASensorWithAnotherKey runs the pages, and a sensor that was given its bundle under another key.
func TestHealthNamesASensorWithAnotherKey(t *testing.T) {
	cfg := broker.Config{Brokers: kafkatest.Start(t), ClientID: "test"}
	if err := broker.EnsureTopics(t.Context(), cfg, broker.Settings{Partitions: 1, Replication: 1, Embedded: !kafkatest.Apache()}); err != nil {
		t.Fatal(err)
	}
	list, err := stores.Parse([]byte(browserStores))
	if err != nil {
		t.Fatal(err)
	}
	key, err := keys.NewOptOutKey(bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(filepath.Join(t.TempDir(), "audit.jsonl"), "test", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // a test's
	p, err := newPages(pagesInput{
		cfg: pagesConfig{Org: notice.Org{Controller: "Example", Contact: "a@example.org", URL: "https://example.org"}, Listen: "127.0.0.1:0"},
		key: key, kafka: cfg, stores: list, data: t.TempDir(), audit: log, registry: prometheus.NewRegistry(),
		log: slog.New(slog.DiscardHandler), onListen: func(net.Addr) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.ready(); err == nil || !strings.Contains(err.Error(), "not read yet") {
		t.Errorf("before the start: got %v, want that the registry is not read", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.run(ctx) }()
	eventually(t, "the pages are ready", func() bool { return p.ready() == nil })
	s, sensor := list[0], list[0].Sensors[0]
	now := time.Now()
	state := &wire.Envelope{
		Header: &wire.Header{
			Store: s.ID, Sensor: sensor.ID, Zone: sensor.Zone, Boot: 1, BaseMs: now.UnixMilli(), StoreDay: int32(s.Calendar.DayOf(now)), Policy: s.Policy,
		},
		Body: &wire.Envelope_Heartbeat{Heartbeat: &wire.Heartbeat{MadeMs: now.UnixMilli(), Settings: &wire.Settings{OptoutKeyCheck: key.Check() + 1}}},
	}
	publishState(t, cfg, state)
	eventually(t, "the sensor's key is named", func() bool {
		err := p.ready()
		return err != nil && strings.Contains(err.Error(), "another opt-out key")
	})
	state.Header.Sequence, state.GetHeartbeat().Settings.OptoutKeyCheck = 1, key.Check()
	publishState(t, cfg, state)
	eventually(t, "the pages are ready again", func() bool { return p.ready() == nil })
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func publishState(t *testing.T, cfg broker.Config, e *wire.Envelope) {
	t.Helper()
	raw, err := wire.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	p, err := broker.NewPublisher(cfg, broker.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close() //nolint:errcheck // always nil
	if err := p.Publish(t.Context(), broker.Sensors, []byte(e.Header.Store+"/"+e.Header.Sensor), [][]byte{raw}); err != nil {
		t.Fatal(err)
	}
}

// TestAStartForgetsWhatWasUndone looks for the receipt's hash in all files of a footfall serve that was started again.
func TestAStartForgetsWhatWasUndone(t *testing.T) {
	dir, kafka, metrics := t.TempDir(), freePort(t), freePort(t)
	b := startServe(t, dir, kafka, metrics)
	kept, undone := b.register(), b.register()
	b.send("/en/undo", map[string][]string{"receipt": {undone}})
	b.stop()
	if !keyIn(t, dir, undone) {
		t.Error("before the next start: got no trace, so this test looks for the wrong thing")
	}
	b = startServe(t, dir, kafka, metrics)
	if _, page := b.send("/en/check", map[string][]string{"receipt": {kept}}); !strings.Contains(strings.ToLower(page), "excluded") {
		t.Errorf("the registration that was not undone is not known: %s", page)
	}
	b.stop()
	if keyIn(t, dir, undone) || !keyIn(t, dir, kept) {
		t.Error("after it: got the undone receipt's hash, or not the other's, want only the other's")
	}
}

func keyIn(t *testing.T, dir, receipt string) (found bool) {
	t.Helper()
	r, err := optout.ParseReceipt([]byte(receipt))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(dir, "data"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		found = found || bytes.Contains(raw, r.Key())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
