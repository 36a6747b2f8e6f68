package outbox

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openfootfall/footfall/ingest/wire"
)

// TestACrashBetweenListingAndForgetting: what was kept of a tag that is listed goes out after the next start, by itself.
func TestACrashBetweenListingAndForgetting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newExtended(t)
		w.visits(1, 2)
		w.run(time.Second)
		time.Sleep(keptEvery)
		w.sync()
		w.list.add(tagOf(id(1)))
		w.box.Joined(1)
		w.box.forgets.mu.Lock() // the plug is pulled: nobody gives out what waits
		w.box.forgets.waiting = nil
		w.box.forgets.mu.Unlock()
		w.restart()
		w.confirm()
		w.run(spareWithin + forgetWithin + time.Second)
		got := w.forgets()
		if len(got) != 1 || w.of(got[0], 1) != (said{false, true, true}) {
			t.Fatalf("got %d Forgets, want the one that was lost", len(got))
		}
		w.sync()
		if w.inState(returnID(1, w.period())) || !w.inState(returnID(2, w.period())) {
			t.Error("got the wrong return ids in the state folder, want the other device's alone")
		}
		w.restart()
		w.confirm()
		w.run(2 * spareWithin)
		if late := len(w.forgets()); late != 1 {
			t.Errorf("got %d Forgets after another start, want no more", late)
		}
	})
}

// TestTheVisitsAreOnDiskWithinAMinute, and what is sent is off it within a Sync.
func TestTheVisitsAreOnDiskWithinAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newExtended(t)
		w.sync()
		w.visits(1)
		w.sync()
		if w.inState(returnID(1, w.period())) {
			t.Error("the visit is written at once, which would wear the disk out")
		}
		time.Sleep(keptEvery)
		w.sync()
		if !w.inState(returnID(1, w.period())) {
			t.Fatal("the visit is not written after a minute")
		}
		w.joins(tagOf(id(1)))
		w.run(4 * time.Second)
		w.sync()
		if w.inState(returnID(1, w.period())) {
			t.Error("what was forgotten is still on disk")
		}
	})
}

// TestARecheckKeepsTheReturnIDsOfTheOthers: a message made under an older list goes out without the listed id and what was beside it.
func TestARecheckKeepsTheReturnIDsOfTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newExtended(t)
		w.kafka.set(always(errDown))
		w.visits(1, 2, 3)
		w.run(time.Second)
		w.kafka.set(nil)
		w.joins(tagOf(id(2)))
		w.run(time.Minute)
		got := map[uint64][2]uint64{}
		var run wire.Run
		for _, m := range w.kafka.stored() {
			for runs := m.e.GetSightings().Runs(); runs.Next(&run); {
				if run.HasReturn {
					got[run.ID] = run.Return
				}
			}
		}
		for _, n := range []int{1, 3} {
			if want := [2]uint64{returnID(n, w.period()), returnID(n, w.period()-1)}; got[w.dayID(n)] != want {
				t.Errorf("device %d: got %v, want %v", n, got[w.dayID(n)], want)
			}
		}
		if len(got) != 2 {
			t.Errorf("got return ids of %d devices, want those of the two that are not listed", len(got))
		}
		w.balanced()
	})
}

// TestASwitchOfPolicyDestroysWhatWasKept: a standard store has no use for it.
func TestASwitchOfPolicyDestroysWhatWasKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newExtended(t)
		w.visits(1)
		w.nextDay(1)
		w.visits(1)
		w.nextDay(1)
		if !w.inState(returnID(1, w.period())) {
			t.Fatal("nothing is kept: the test proves nothing")
		}
		w.opt.Policy = wire.Policy_POLICY_STANDARD
		w.restart()
		if files, err := os.ReadDir(w.opt.State); err != nil || len(files) != 0 {
			t.Errorf("got files %v, %v, want none", files, err)
		}
		w.joins(tagOf(id(1)))
		w.confirm()
		w.run(4 * time.Second)
		if got := w.forgets(); len(got) != 1 || len(got[0].e.GetForget().ReturnIds) != 0 {
			t.Errorf("got %v, want one Forget without return ids", got)
		}
	})
}

func TestAGarbledFileOfReturnIDsStopsTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newExtended(t)
		if err := os.WriteFile(filepath.Join(w.opt.State, "returns.kept.2250"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(w.opt); err == nil || !bytes.Contains([]byte(err.Error()), []byte("remove the file")) {
			t.Errorf("got %v, want an error that says what to do", err)
		}
	})
}
