package agent

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/keys"
)

// returned are the ids that have return ids, with them, in the order of the envelopes.
func (s *fakeSink) returned() []string {
	var out []string
	var run wire.Run
	for _, e := range s.envelopes {
		for runs := e.GetSightings().Runs(); runs.Next(&run); {
			if run.HasReturn {
				out = append(out, fmt.Sprintf("%016x %016x %016x of %d", run.ID, run.Return[0], run.Return[1], e.GetSightings().ReturnPeriod))
			}
		}
	}
	return out
}

// ofPhone is what returned has of a phone's first visit on the hasher's day.
func (f *fakeHasher) ofPhone(n int) string {
	now, before := f.returnIDs(phone(n))
	return fmt.Sprintf("%016x %016x %016x of %d", f.id(phone(n)), now, before, wire.ReturnPeriod(int32(f.day)))
}

func TestReturnIDsGoOutOnceBesideTheID(t *testing.T) {
	for _, row := range []struct {
		name  string
		heard []hearing
		want  []int // phones
	}{
		{"shorter than 5 minutes", every(1, -60, 0, 4, 1), nil},
		{"5 minutes", every(1, -60, 0, 5, 1), []int{1}},
		{"an hour", every(1, -60, 0, 60, 1), []int{1}},
		{"5 minutes outside", every(1, -80, 0, 30, 1), nil},
		{"outside in between does not matter", []hearing{{"10:00:00", 1, -60}, {"10:03:00", 1, -80}, {"10:05:00", 1, -60}}, []int{1}},
		{"a second visit", append(every(1, -60, 0, 6, 1), every(1, -60, 60, 66, 1)...), []int{1}},
		{"two short stays more than 15 minutes apart", []hearing{{"10:00:00", 1, -60}, {"10:15:01", 1, -60}}, nil},
		{"a short stay and then a visit", append(every(1, -60, 0, 2, 1), every(1, -60, 60, 66, 1)...), []int{1}},
		{"two phones", []hearing{{"10:00:00", 1, -60}, {"10:01:00", 2, -60}, {"10:06:00", 2, -60}, {"10:07:00", 1, -60}}, []int{1, 2}},
		{"all day: it will be no visit, and the id says so", every(1, -60, 0, 600, 10), []int{1}},
	} {
		for _, released := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, %v", row.name, released), func(t *testing.T) {
				filters := &fakeReturns{}
				r := newRig(t, func(r *rig) { r.deps.Returns, r.set.Policy, r.set.Live = filters, wire.Policy_POLICY_EXTENDED, true })
				r.p.Listening(true)
				for _, h := range row.heard {
					hear(r, []hearing{h})
					if released { // what closed has left: what goes beside it needs its sighting again
						if err := r.p.Flush(); err != nil {
							t.Fatal(err)
						}
					}
				}
				r.finish()
				var want []string
				for _, n := range row.want {
					want = append(want, r.hasher.ofPhone(n))
				}
				got := r.sink.returned()
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
				if len(filters.calls) != 0 || len(r.hasher.bucket) != 0 || len(r.sink.answered()) != 0 {
					t.Errorf("got return filters in an extended store: %v, want none", filters.calls)
				}
			})
		}
	}
}

func TestWhoHasNoReturnIDs(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(r *rig)
		random bool
		want   int
	}{
		{"an extended store's visitor", nil, false, 1},
		{"a random address", nil, true, 0},
		{"a standard store's visitor", func(r *rig) { r.set.Policy = wire.Policy_POLICY_STANDARD }, false, 0},
		{"a count-only store's", func(r *rig) { r.set.Policy = wire.Policy_POLICY_COUNT_ONLY }, false, 0},
		{"a file's, which nobody can take back", func(r *rig) { r.set.Live = false }, false, 0},
		{"under keys without any", func(r *rig) { r.hasher.standard = true }, false, 0},
		{"of a sensor that fails closed", func(r *rig) { r.set.Software = "closed" }, false, 0},
		{"on the list", func(r *rig) {
			list := &fakeList{}
			list.put(phone(1))
			r.deps.OptOuts = list
		}, false, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, func(r *rig) {
				r.set.Policy, r.set.Live = wire.Policy_POLICY_EXTENDED, true
				if row.change != nil {
					row.change(r)
				}
			})
			r.p.Listening(true)
			if r.set.Software == "closed" {
				r.p.FailClosed([]string{FailClosedStaleList})
			}
			for m := range int64(30) {
				f := air{t: r.at("10:00:00") + m*minuteNS, addr: phone(1), dbm: -60}
				if row.random {
					f.addr = made(1)
				}
				r.feed(f)
			}
			r.finish()
			if got := len(r.sink.returned()); got != row.want {
				t.Errorf("got return ids of %d, want %d", got, row.want)
			}
			if row.want == 0 && !r.hasher.standard && len(r.hasher.returns) > 0 {
				t.Error("return ids were made for nothing")
			}
		})
	}
}

// TestEveryDayGivesTheReturnIDsOfItsPeriod: monday is day 11 of a period of 28, so the period turns after 17 more.
func TestEveryDayGivesTheReturnIDsOfItsPeriod(t *testing.T) {
	l := newTicking(t, "09:00:00", func(r *rig) {
		r.set.Policy, r.set.Hours = wire.Policy_POLICY_EXTENDED, hours(t, map[string]string{"mon-sun": "09:00-10:00"})
	})
	var want []string
	first := l.hasher.day
	for day := range int64(30) {
		for m := range int64(7) {
			l.now = l.at("09:10:00") + day*24*60*minuteNS + m*minuteNS
			l.tick()
			l.hears(air{addr: phone(1), dbm: -60})
		}
		want = append(want, l.hasher.ofPhone(1))
	}
	l.stop()
	if got := l.sink.returned(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if l.hasher.day != first+29 || wire.ReturnPeriod(int32(first)) == wire.ReturnPeriod(int32(l.hasher.day)) {
		t.Errorf("got to day %v from %v, want another period", l.hasher.day, first)
	}
}

// TestAStandardStoresMessagesDoNotKnowOfReturnIDs: whether its keys could make return ids or not, the same bytes leave it.
func TestAStandardStoresMessagesDoNotKnowOfReturnIDs(t *testing.T) {
	sent := func(standard bool) [][]byte {
		r := newRig(t, func(r *rig) {
			r.deps.Returns, r.hasher.standard, r.set.Live = constantReturns{}, standard, true
		})
		r.p.Listening(true)
		r.feed(mixture(seeded(3), r.at("10:00:00"), 8*time.Hour, 100)...).finish()
		if len(r.hasher.returns) != 0 {
			t.Error("a standard store asked for return ids")
		}
		for _, e := range r.sink.envelopes {
			if s := e.GetSightings(); s != nil && (len(s.ReturnOf) != 0 || len(s.ReturnIds) != 0 || s.ReturnPeriod != 0) {
				t.Error("a standard store's message has return ids")
			}
		}
		return r.sink.raw
	}
	if !slices.EqualFunc(sent(true), sent(false), slices.Equal[[]byte]) {
		t.Error("what leaves a standard store depends on return ids")
	}
}

func TestFramesOfAnExtendedStoreAllocateNothing(t *testing.T) {
	r := newRig(t, func(r *rig) { r.set.Policy, r.set.Live = wire.Policy_POLICY_EXTENDED, true })
	r.p.Listening(true)
	rec := air{t: r.at("10:00:00"), addr: phone(1), dbm: -60}.record(t)
	tick := func() {
		rec.Time += 5e6
		if err := r.p.Frame(rec); err != nil {
			t.Fatal(err)
		}
	}
	tick()
	if got := testing.AllocsPerRun(100, tick); got != 0 {
		t.Errorf("got %v allocations a frame, want none", got)
	}
}

const threeStores = `
stores:
  - {id: counts, time_zone: Europe/Berlin, policy: count-only, zones: [{id: floor, sensors: [{id: door}]}]}
  - {id: plain, time_zone: Europe/Berlin, zones: [{id: floor, sensors: [{id: door}]}]}
  - {id: exact, time_zone: Europe/Berlin, policy: extended, legal_basis: "consent at the desk, A. Person, 2026-01-05", zones: [{id: floor, sensors: [{id: door}]}]}
`

// policed is what left one store's sensor.
type policed struct {
	hasher *keys.Hasher
	sink   *fakeSink
	state  string // folder
}

// underItsPolicy is a live sensor with real keys, imported from the store's own bundle, that hears the frames.
func underItsPolicy(t *testing.T, store *stores.Store, day calendar.Day, frames []air) policed {
	t.Helper()
	seed, err := keys.NewStoreSeed(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	optOut, err := keys.NewOptOutKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bundles, err := keys.NewBundles(store, seed, day, optOut)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &Config{State: t.TempDir(), Bundle: filepath.Join(t.TempDir(), "bundle")}
	if err := bundles[0].Write(cfg.Bundle); err != nil {
		t.Fatal(err)
	}
	state, err := OpenKeys(cfg)
	if err != nil {
		t.Fatal(err)
	}
	filters, err := OpenReturns(cfg, state, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	out := policed{hasher: state.Hasher(), sink: &fakeSink{t: t}, state: cfg.State}
	site := state.Site()
	r := newRig(t, func(r *rig) {
		r.set.Store, r.set.Policy, r.set.Live = site.Store, site.Policy, true
		r.deps.Hasher, r.deps.Sink = out.hasher, out.sink
		if filters != nil {
			r.deps.Returns = filters
		}
	})
	r.p.Listening(true)
	r.feed(frames...).finish()
	if filters != nil {
		if err := filters.SaveOpenDay(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestStoresUnderDifferentPoliciesEachObeyTheirOwn: three stores of one stores.yaml hear the same frames.
func TestStoresUnderDifferentPoliciesEachObeyTheirOwn(t *testing.T) {
	list, err := stores.Parse([]byte(threeStores))
	if err != nil {
		t.Fatal(err)
	}
	day, err := calendar.ParseDay(monday)
	if err != nil {
		t.Fatal(err)
	}
	at := clock(t, list[0].Calendar, monday+" 10:00:00")
	var frames []air
	const visitors = 12
	for m := range int64(20) {
		for n := range visitors {
			frames = append(frames, air{t: at + m*minuteNS + int64(n)*secondNS, addr: phone(n), dbm: -60})
		}
	}
	type kinds struct{ ids, answers, returns, rollups bool }
	for i, want := range []struct {
		kinds
		policy string
		files  []string
	}{
		{kinds{rollups: true}, "count-only", []string{"keys"}},
		{kinds{ids: true, answers: true}, "standard", []string{"keys", "returns.filters", "returns.openday"}},
		{kinds{ids: true, returns: true}, "extended", []string{"keys"}},
	} {
		t.Run(want.policy, func(t *testing.T) {
			got := underItsPolicy(t, &list[i], day, frames)
			var has kinds
			ids, returns := map[uint64]bool{}, map[[2]uint64]bool{}
			var run wire.Run
			for _, e := range got.sink.envelopes {
				if e.Header.Policy != list[i].Policy || e.Header.Store != list[i].ID {
					t.Errorf("got policy %s of store %s, want its own", e.Header.Policy, e.Header.Store)
				}
				has.rollups = has.rollups || e.GetRollup() != nil
				for runs := e.GetSightings().Runs(); runs.Next(&run); {
					ids[run.ID] = true
					has.answers = has.answers || run.HasAnswer
					if run.HasReturn {
						returns[run.Return] = true
					}
				}
			}
			has.ids, has.returns = len(ids) > 0, len(returns) > 0
			if has != want.kinds {
				t.Errorf("got %+v, want %+v", has, want.kinds)
			}
			raw := bytes.Join(got.sink.raw, nil)
			for n := range visitors {
				id := got.hasher.ID(phone(n))
				inBytes := bytes.Contains(raw, binary.LittleEndian.AppendUint64(nil, id))
				if ids[id] != want.ids || inBytes != want.ids {
					t.Errorf("phone %d: got its id on the wire: %v, want %v", n, inBytes, want.ids)
				}
				now, before, ok := got.hasher.ReturnIDs(phone(n))
				if ok != want.returns || returns[[2]uint64{now, before}] != want.returns {
					t.Errorf("phone %d: got its return ids on the wire: %v, want %v", n, !want.returns, want.returns)
				}
			}
			files, err := os.ReadDir(got.state)
			if err != nil {
				t.Fatal(err)
			}
			names := map[string]bool{}
			for _, f := range files {
				names[f.Name()] = true
			}
			if found := slices.Sorted(maps.Keys(names)); !slices.Equal(found, want.files) {
				t.Errorf("got files %s, want %s", strings.Join(found, " "), strings.Join(want.files, " "))
			}
		})
	}
}
