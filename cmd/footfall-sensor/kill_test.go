package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/clock"
)

// killsEnv is how many kills TestKills makes; make test-kills sets 200.
const killsEnv = "FOOTFALL_KILLS"

// killSensors share the kills, each on a radio of its own.
const killSensors = 4

// killFsync is short, so that the test is; what it shows holds for any.
const killFsync = 200 * time.Millisecond

// killSpoolMB bounds the spools.
const killSpoolMB = 2

// synced is a clock that says it is synchronised: test machines have no NTP.
type synced struct{ clock.Source }

func (s synced) Read() (clock.Reading, error) {
	r, err := s.Source.Read()
	r.Synced = true
	return r, err
}

// mainSynced is main on a machine whose clock is synchronised.
func mainSynced() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := program{os.Stdout, os.Stderr, synced{clock.System(nil)}}.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// TestKills kills sensors at random moments under load, while the broker goes away and comes back: every sighting of a burst that
// closed more than the fsync interval before a kill counts exactly once, no batch is sent with two contents, and the spool stays
// within its bound.
func TestKills(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped with -short: it kills processes for half a minute")
	}
	kills := killSensors * 3
	if text := os.Getenv(killsEnv); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("%s is %q, not a number of kills", killsEnv, text)
		}
		kills = n
	}
	b := newKillBroker(t)
	var boxes []*killBox
	for n := range killSensors {
		boxes = append(boxes, newKillBox(t, b, n))
	}
	stop := make(chan struct{})
	var flapping sync.WaitGroup
	flapping.Go(func() { b.flap(stop) })
	var all sync.WaitGroup
	for n, box := range boxes {
		all.Go(func() { box.killed(kills/killSensors, uint64(n)) })
	}
	all.Wait()
	close(stop)
	flapping.Wait()
	for _, box := range boxes {
		box.settle()
	}
	held := 0
	for _, box := range boxes {
		box.check()
		held += len(box.expected)
	}
	if held < 20*kills {
		t.Errorf("only %d sightings in %d kills were old enough to say anything", held, kills)
	}
}

// check holds what came to Kafka against what was on the air.
func (x *killBox) check() {
	t := x.t
	type place struct{ boot, sequence uint64 }
	contents := map[place][]byte{}
	seen := map[uint64]map[int64]bool{} // id -> capture milliseconds
	repeated := 0
	for _, topic := range []string{broker.Sightings, broker.Counters} {
		partitions, err := broker.PartitionCount(t.Context(), x.broker.config(), topic)
		if err != nil {
			t.Fatal(err)
		}
		_, err = broker.ReadPartition(t.Context(), x.broker.config(), topic, broker.PartitionOf([]byte(x.store), partitions), 0, func(m broker.Message) error {
			e, err := wire.Decode(m.Value)
			if err != nil || e.Header.Store != x.store {
				return err
			}
			at := place{e.Header.Boot, e.Header.Sequence}
			if before, ok := contents[at]; ok {
				repeated++
				if !bytes.Equal(before, m.Value) {
					t.Errorf("%s: a batch was sent with two contents: %s", x.store, e.Kind())
				}
			}
			contents[at] = m.Value
			if rollup := e.GetRollup(); rollup != nil && rollup.Cause == wire.Rollup_CAUSE_SPOOL_AGE {
				t.Errorf("%s: ids of this minute became counts", x.store)
			}
			var run wire.Run
			for runs := e.GetSightings().Runs(); runs.Next(&run); {
				ms := e.Header.BaseMs
				for _, d := range run.DeltasMS {
					ms += int64(d)
					if seen[run.ID] == nil {
						seen[run.ID] = map[int64]bool{}
					}
					seen[run.ID][ms] = true
				}
			}
			return nil
		})
		if err != nil {
			t.Fatalf("read %s: %v", topic, err)
		}
	}
	lost, doubled := 0, 0
	for id := range x.expected {
		switch len(seen[id]) {
		case 0:
			lost++
		case 1:
		default:
			doubled++
		}
	}
	if lost > 0 || doubled > 0 {
		t.Errorf("%s: of %d sightings that no kill may touch, got %d lost and %d counted twice, want none", x.store, len(x.expected), lost, doubled)
	}
	if bound := int64(killSpoolMB) << 20; x.largest > bound {
		t.Errorf("%s: the spool came to %d bytes, want at most %d", x.store, x.largest, bound)
	}
	t.Logf("%s: %d kills, %d bursts on the air, %d sightings held against the log, %d messages sent twice alike, broker away %d times, spool at most %d kB",
		x.store, x.kills, x.phones, len(x.expected), repeated, x.broker.away, x.largest>>10)
}

func folderSize(t *testing.T, dir string) (size int64) {
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("size of the spool: %v", err)
	}
	return size
}
