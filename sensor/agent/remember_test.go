package agent

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/wire"
)

// fakeReturns notes what it is told.
type fakeReturns struct {
	calls   []string
	answers uint8
}

func (f *fakeReturns) Ask(b [5]uint16) uint8 {
	f.calls = append(f.calls, fmt.Sprintf("ask %04x", b[0]))
	f.answers++
	return f.answers & 31
}
func (f *fakeReturns) Mark(b uint16)           { f.calls = append(f.calls, fmt.Sprintf("mark %04x", b)) }
func (f *fakeReturns) Clear(b uint16)          { f.calls = append(f.calls, fmt.Sprintf("clear %04x", b)) }
func (f *fakeReturns) Ones() [5]uint32         { return [5]uint32{1, 2, 3, 4, 5} }
func (f *fakeReturns) Lookback() (uint8, bool) { return 3, true }

// answered are the ids with an answer and its bits, in the order of the envelopes.
func (s *fakeSink) answered() []string {
	var out []string
	var run wire.Run
	for _, e := range s.envelopes {
		for runs := e.GetSightings().Runs(); runs.Next(&run); {
			if run.HasAnswer {
				out = append(out, fmt.Sprintf("%016x %d", run.ID, run.Answer))
			}
		}
	}
	return out
}

func TestReturnFilters(t *testing.T) {
	for _, row := range []struct {
		name  string
		heard []hearing
		want  []string // calls, by phone
	}{
		{"shorter than 5 minutes", every(1, -60, 0, 4, 1), nil},
		{"5 minutes", every(1, -60, 0, 5, 1), []string{"mark 1", "ask 1"}},
		{"longer", every(1, -60, 0, 60, 1), []string{"mark 1", "ask 1"}},
		{"5 minutes outside", every(1, -80, 0, 30, 1), nil},
		{"outside in between does not matter", []hearing{{"10:00:00", 1, -60}, {"10:03:00", 1, -80}, {"10:05:00", 1, -60}}, []string{"mark 1", "ask 1"}},
		{
			"a second visit is marked again and not asked again", append(every(1, -60, 0, 6, 1), every(1, -60, 60, 66, 1)...),
			[]string{"mark 1", "ask 1", "mark 1"},
		},
		{
			"a second visit of one who stayed within hearing", slices.Concat(every(1, -60, 0, 6, 1), every(1, -80, 10, 60, 10), every(1, -60, 61, 67, 1)),
			[]string{"mark 1", "ask 1", "mark 1"},
		},
		{"two short stays more than 15 minutes apart", []hearing{{"10:00:00", 1, -60}, {"10:15:01", 1, -60}}, nil},
		{"two sightings 15 minutes apart", []hearing{{"10:00:00", 1, -60}, {"10:15:00", 1, -60}}, []string{"mark 1", "ask 1"}},
		{"two phones", []hearing{{"10:00:00", 1, -60}, {"10:01:00", 2, -60}, {"10:06:00", 2, -60}, {"10:07:00", 1, -60}}, []string{"mark 2", "ask 2", "mark 1", "ask 1"}},
		{"exactly 6 hours", every(1, -60, 0, 360, 10), []string{"mark 1", "ask 1"}},
		{"above 6 hours is cleared, and stays so", every(1, -60, 0, 600, 10), []string{"mark 1", "ask 1", "clear 1"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			filters := &fakeReturns{}
			r := newRig(t, func(r *rig) { r.deps.Returns = filters })
			hear(r, row.heard).finish()
			var want, answers []string
			asked := 0
			for _, call := range row.want {
				var verb string
				var n int
				if _, err := fmt.Sscanf(call, "%s %d", &verb, &n); err != nil {
					t.Fatal(err)
				}
				want = append(want, fmt.Sprintf("%s %04x", verb, r.hasher.buckets(phone(n))[0]))
				if verb == "ask" {
					asked++
					answers = append(answers, fmt.Sprintf("%016x %d", r.hasher.id(phone(n)), asked))
				}
			}
			if !slices.Equal(filters.calls, want) {
				t.Errorf("got %v, want %v", filters.calls, want)
			}
			got := r.sink.answered()
			slices.Sort(got)
			slices.Sort(answers)
			if !slices.Equal(got, answers) {
				t.Errorf("got answers %v, want %v", got, answers)
			}
		})
	}
}

func TestAnAnswersBatchSaysUnderWhichFilters(t *testing.T) {
	r := newRig(t, func(r *rig) { r.deps.Returns = &fakeReturns{} })
	hear(r, append(every(1, -60, 0, 6, 1), every(2, -60, 120, 122, 1)...)).finish()
	with, without := 0, 0
	for _, e := range r.sink.envelopes {
		s := e.GetSightings()
		if s == nil {
			continue
		}
		if len(s.Answers) > 0 {
			with++
			if !slices.Equal(s.FilterOnes, []uint32{1, 2, 3, 4, 5}) || s.LookbackWeeks != 3 || !s.FilterNew {
				t.Errorf("got ones %v, look-back %d, new %v", s.FilterOnes, s.LookbackWeeks, s.FilterNew)
			}
			continue
		}
		without++
		if s.FilterOnes != nil || s.LookbackWeeks != 0 || s.FilterNew {
			t.Error("a batch without answers speaks of filters")
		}
	}
	if with != 1 || without == 0 {
		t.Errorf("got %d batches with answers and %d without, want 1 and some", with, without)
	}
}

func TestEveryDayAsksAnew(t *testing.T) {
	filters := &fakeReturns{}
	r := newRig(t, func(r *rig) { r.deps.Returns = filters })
	for day := range int64(3) {
		for visit := range int64(2) {
			for m := range int64(7) {
				r.feed(air{t: r.at("10:00:00") + (day*24*60+visit*120+m)*minuteNS, addr: phone(1), dbm: -60})
			}
		}
	}
	r.finish()
	asks := 0
	for _, call := range filters.calls {
		if call[:3] == "ask" {
			asks++
		}
	}
	if asks != 3 || len(r.sink.answered()) != 3 {
		t.Errorf("asked %d times and sent %d answers on three days, want 3", asks, len(r.sink.answered()))
	}
}

func TestNothingIsRememberedOfRandomAddressesOrUnderCountOnly(t *testing.T) {
	for _, row := range []struct {
		name   string
		policy wire.Policy
		random bool
		calls  int
	}{
		{"stable, standard", wire.Policy_POLICY_STANDARD, false, 2},
		{"stable, extended", wire.Policy_POLICY_EXTENDED, false, 0},
		{"random, standard", wire.Policy_POLICY_STANDARD, true, 0},
		{"stable, count only", wire.Policy_POLICY_COUNT_ONLY, false, 0},
		{"stable, no policy", wire.Policy_POLICY_UNSPECIFIED, false, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			filters := &fakeReturns{}
			r := newRig(t, func(r *rig) { r.deps.Returns, r.set.Policy = filters, row.policy })
			for m := range int64(30) {
				f := air{t: r.at("10:00:00") + m*minuteNS, addr: phone(1), dbm: -60}
				if row.random {
					f.addr = made(1)
				}
				r.feed(f)
			}
			r.finish()
			if len(filters.calls) != row.calls {
				t.Errorf("got calls %v, want %d", filters.calls, row.calls)
			}
			if row.calls == 0 && len(r.hasher.bucket) > 0 {
				t.Error("a bucket was made for nothing")
			}
		})
	}
}

// TestNoBucketAndNoTagLeavesTheSensor: with other buckets and other tags the same bytes leave it.
func TestNoBucketAndNoTagLeavesTheSensor(t *testing.T) {
	sent := func(salt uint64) [][]byte {
		r := newRig(t, func(r *rig) {
			r.deps.Returns = constantReturns{}
			r.deps.OptOuts = &fakeList{tags: map[uint32]bool{1 << 29: true}, version: 2}
			r.hasher.salt = salt
		})
		r.feed(mixture(seeded(3), r.at("10:00:00"), 8*time.Hour, 100)...).finish()
		if len(r.hasher.bucket) == 0 || len(r.hasher.tags) == 0 {
			t.Fatal("no bucket or no tag was made: the test proves nothing")
		}
		return r.sink.raw
	}
	if !slices.EqualFunc(sent(1), sent(2), slices.Equal[[]byte]) {
		t.Error("what leaves the sensor depends on buckets or tags")
	}
}

// constantReturns gives the same answer to everybody.
type constantReturns struct{}

func (constantReturns) Ask([5]uint16) uint8     { return 21 }
func (constantReturns) Mark(uint16)             {}
func (constantReturns) Clear(uint16)            {}
func (constantReturns) Ones() [5]uint32         { return [5]uint32{} }
func (constantReturns) Lookback() (uint8, bool) { return 0, false }
