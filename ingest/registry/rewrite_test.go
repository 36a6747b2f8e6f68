package registry_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/embedded"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/truncate"
)

// box is an embedded broker in a folder, which is started again and again.
type box struct {
	t   *testing.T
	dir string
	b   *embedded.Broker
	cfg broker.Config
}

func newBox(t *testing.T) *box {
	t.Helper()
	x := &box{t: t, dir: t.TempDir()}
	x.b, x.cfg = startBroker(t, x.dir, "")
	return x
}

// restart is a restart of the box: what is superseded is forgotten before anybody asks.
func (x *box) restart() {
	x.t.Helper()
	x.b.Close()
	x.b, x.cfg = startBroker(x.t, x.dir, x.b.Addr())
	if err := registry.Rewrite(soon(x.t), x.rewriting()); err != nil {
		x.t.Fatal(err)
	}
}

func (x *box) rewriting() registry.RewriteOptions {
	x.t.Helper()
	tr, err := truncate.New(truncate.Options{Kafka: x.cfg, Embedded: true})
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(tr.Close)
	return registry.RewriteOptions{Config: x.cfg, Truncate: tr.Before, Roll: tr.RollEach}
}

// while runs a desk for as long as it is needed.
func (x *box) while(at time.Time, do func(d *registry.Desk)) {
	x.t.Helper()
	d, err := registry.NewDesk(registry.DeskOptions{Config: x.cfg, Now: func() time.Time { return at }})
	if err != nil {
		x.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(soon(x.t))
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	if err := d.AwaitReady(ctx); err != nil {
		x.t.Fatal(err)
	}
	do(d)
	stop()
	<-ended
}

// messages are all of a topic that can be read.
func (x *box) messages(topic string) (all []broker.Message) {
	x.t.Helper()
	if _, err := broker.ReadPartition(soon(x.t), x.cfg, topic, 0, broker.Earliest, func(m broker.Message) error {
		all = append(all, m)
		return nil
	}); err != nil {
		x.t.Fatal(err)
	}
	return all
}

func keysOf(messages []broker.Message) (keys []byte) {
	for _, m := range messages {
		keys = append(keys, m.Key[0])
	}
	return keys
}

// onDisk reports whether a file of the broker has the bytes.
func (x *box) onDisk(what []byte) (found string) {
	x.t.Helper()
	err := filepath.WalkDir(x.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, what) {
			found = path
		}
		return err
	})
	if err != nil {
		x.t.Fatal(err)
	}
	return found
}

func TestRewriteForgetsWhatWasUndone(t *testing.T) {
	x := newBox(t)
	var before uint64
	x.while(theDay.AddDate(0, 0, -3), func(d *registry.Desk) {
		for n := byte(1); n <= 6; n++ {
			register(t, d, key(n), uint32(n))
			hold(t, d, key(100+n), uint32(n), 1)
		}
	})
	l, joins := registry.NewList(), 0
	updates := follow(t, l, registry.FollowOptions{Config: x.cfg, OnJoined: func(n int) { joins += n }})
	x.while(theDay, func(d *registry.Desk) {
		register(t, d, key(7), 7)
		undo(t, d, key(2))
		undo(t, d, key(103))
		undo(t, d, key(99)) // never was
		before = d.Stats().Version
	})
	await(t, updates, before, 6)
	joined := joins
	x.restart()
	for topic, want := range map[string][]byte{broker.OptOuts: {1, 3, 4, 5, 6, 7}, broker.Quarantine: {101, 102, 104, 105, 106}} {
		all := x.messages(topic)
		if got := keysOf(all); !slices.Equal(got, want) {
			t.Errorf("%s: got the keys of %v, want %v", topic, got, want)
		}
		for _, m := range all {
			day := theDay.AddDate(0, 0, -3)
			if m.Key[0] == 7 {
				day = theDay
			}
			if len(m.Value) == 0 || !m.Time.Equal(day) {
				t.Errorf("%s: key %d: got a value of %d bytes of %v, want the registration of %v", topic, m.Key[0], len(m.Value), m.Time.UTC(), day)
			}
		}
	}
	for _, n := range []byte{2, 103} {
		if file := x.onDisk(key(n)); file != "" {
			t.Errorf("receipt %d is in %s still", n, file)
		}
	}
	eventually(t, "the list to follow", func() bool { return l.Version() == before+6 })
	if joins != joined || l.Len() != 6 || l.Has(2) || !l.Has(7) {
		t.Errorf("the list: got %d records, %d of which joined, want the same 6 and none", l.Len(), joins-joined)
	}
	x.while(theDay, func(d *registry.Desk) {
		if got := d.Stats(); got.Records != 6 || got.Held != 5 || got.Version != before+6 {
			t.Errorf("a desk afterwards: got %+v, want 6 and 5 at version %d", got, before+6)
		}
	})
	x.restart() // nothing is superseded
	if got := ends(t, x.cfg, broker.OptOuts); got != int64(before+6) {
		t.Errorf("after another start the registry ends at %d, want %d as before", got, before+6)
	}
}

func TestRewriteOfNothingLeavesNobodysReceipt(t *testing.T) {
	x := newBox(t)
	x.while(theDay, func(d *registry.Desk) {
		register(t, d, key(1), 1)
		undo(t, d, key(1))
	})
	for range 2 {
		x.restart()
		for _, topic := range []string{broker.OptOuts, broker.Quarantine} {
			if all := x.messages(topic); len(all) != 1 || len(all[0].Value) != 0 || bytes.Contains(all[0].Key, []byte{1}) {
				t.Errorf("%s: got %d messages, want one that removes what nobody has", topic, len(all))
			}
		}
		if file := x.onDisk(key(1)); file != "" {
			t.Errorf("the receipt is in %s still", file)
		}
		if got := ends(t, x.cfg, broker.OptOuts); got != 3 {
			t.Errorf("the registry ends at %d, want 3", got)
		}
	}
	x.while(theDay, func(d *registry.Desk) { register(t, d, key(2), 2) })
	x.restart()
	if got := keysOf(x.messages(broker.OptOuts)); !slices.Equal(got, []byte{2}) {
		t.Errorf("got the keys of %v, want the one registration", got)
	}
}

// TestRewriteThatIsCutShort ends where a crash would, at each step: every record is there, and the next start ends it.
func TestRewriteThatIsCutShort(t *testing.T) {
	errCrash := errors.New("a crash")
	for _, row := range []struct {
		name  string
		crash func(o *registry.RewriteOptions)
	}{
		{"before anything", func(o *registry.RewriteOptions) {
			o.Roll = func(context.Context, string, bool) error { return errCrash }
		}},
		{"before the truncation", func(o *registry.RewriteOptions) {
			o.Truncate = func(context.Context, string, int, int64) (int64, error) { return 0, errCrash }
		}},
		{"after the truncation", func(o *registry.RewriteOptions) {
			do := o.Truncate
			o.Truncate = func(ctx context.Context, topic string, partition int, before int64) (int64, error) {
				_, err := do(ctx, topic, partition, before)
				return 0, errors.Join(err, errCrash)
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			x := newBox(t)
			x.while(theDay, func(d *registry.Desk) {
				for n := byte(1); n <= 4; n++ {
					register(t, d, key(n), uint32(n))
				}
				undo(t, d, key(2))
			})
			o := x.rewriting()
			row.crash(&o)
			if err := registry.Rewrite(soon(t), o); !errors.Is(err, errCrash) {
				t.Fatalf("got %v, want the crash", err)
			}
			x.while(theDay, func(d *registry.Desk) {
				if got := d.Stats().Records; got != 3 || d.Look(key(2)).State != registry.None {
					t.Errorf("after the crash: got %d records, want 3", got)
				}
			})
			x.restart()
			if got := keysOf(x.messages(broker.OptOuts)); !slices.Equal(got, []byte{1, 3, 4}) {
				t.Errorf("after the next start: got the keys of %v, want 1, 3 and 4", got)
			}
		})
	}
}

// TestRewriteKeepsWhatSomebodyElseWrites: an operator drops what is held while it is being written again.
func TestRewriteKeepsWhatSomebodyElseWrites(t *testing.T) {
	x := newBox(t)
	x.while(theDay, func(d *registry.Desk) {
		for n := byte(1); n <= 3; n++ {
			hold(t, d, key(n), uint32(n), uint32(n))
		}
		undo(t, d, key(3))
	})
	o := x.rewriting()
	do := o.Roll
	o.Roll = func(ctx context.Context, topic string, each bool) error {
		if each && topic == broker.Quarantine {
			x.while(theDay, func(d *registry.Desk) {
				if _, err := d.Drop(ctx, 1); err != nil {
					t.Error(err)
				}
				hold(t, d, key(4), 4, 4)
			})
		}
		return do(ctx, topic, each)
	}
	if err := registry.Rewrite(soon(t), o); err != nil {
		t.Fatal(err)
	}
	x.while(theDay, func(d *registry.Desk) {
		for n, want := range map[byte]registry.State{1: registry.None, 2: registry.Held, 3: registry.None, 4: registry.Held} {
			if got := d.Look(key(n)).State; got != want {
				t.Errorf("receipt %d: got %v, want %v", n, got, want)
			}
		}
	})
}
