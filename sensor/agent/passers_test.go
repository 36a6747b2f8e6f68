package agent

import (
	"fmt"
	"maps"
	"testing"

	"github.com/openfootfall/footfall/ingest/wire"
)

// hearing is a frame of a phone at a store-local time.
type hearing struct {
	at   string
	addr int
	dbm  int8
}

func hear(r *rig, hs []hearing) *rig {
	r.t.Helper()
	for _, h := range hs {
		r.feed(air{t: r.at(h.at), addr: phone(h.addr), dbm: h.dbm})
	}
	return r
}

// every is hearings of one phone from a minute to another of the morning, so many minutes apart.
func every(addr int, dbm int8, from, to, step int) []hearing {
	var out []hearing
	for m := from; m <= to; m += step {
		out = append(out, hearing{fmt.Sprintf("%02d:%02d:00", 8+m/60, m%60), addr, dbm})
	}
	return out
}

func TestPassersBy(t *testing.T) {
	const far = 99 // a phone that keeps the clock going, inside
	for _, row := range []struct {
		name    string
		heard   []hearing
		passers map[string]uint32 // by minute
		long    map[string]uint32
	}{
		{
			"counted once, in the minute in which its silence reached 15 minutes",
			[]hearing{{"10:00:30", 1, -80}, {"10:03:30", 1, -85}, {"10:40:00", far, -50}},
			map[string]uint32{"10:18": 1}, nil,
		},
		{"a silence that ends with the minute", []hearing{{"10:00:00", 1, -80}, {"10:40:00", far, -50}}, map[string]uint32{"10:15": 1}, nil},
		{
			"exactly 15 minutes apart is one stay",
			[]hearing{{"10:00:00", 1, -80}, {"10:15:00", 1, -80}, {"10:40:00", far, -50}}, map[string]uint32{"10:30": 1}, nil,
		},
		{
			"more apart, two",
			[]hearing{{"10:00:00", 1, -80}, {"10:15:00.001", 1, -80}, {"10:40:00", far, -50}}, map[string]uint32{"10:15": 1, "10:30": 1}, nil,
		},
		{"never if once inside", []hearing{{"10:00:00", 1, -80}, {"10:05:00", 1, -70}, {"10:10:00", 1, -80}, {"10:40:00", far, -50}}, nil, nil},
		{
			"inside and later only outside is another stay",
			[]hearing{{"10:00:00", 1, -70}, {"10:20:00", 1, -71}, {"10:40:00", far, -50}}, map[string]uint32{"10:35": 1}, nil,
		},
		{"at the floor", []hearing{{"10:00:00", 1, -90}, {"10:40:00", far, -50}}, map[string]uint32{"10:15": 1}, nil},
		{"weaker than the floor is nobody", []hearing{{"10:00:00", 1, -91}, {"10:40:00", far, -50}}, nil, nil},
		{
			"weak frames do not prolong a stay",
			[]hearing{{"10:00:00", 1, -90}, {"10:10:00", 1, -91}, {"10:16:00", 1, -90}, {"10:40:00", far, -50}},
			map[string]uint32{"10:15": 1, "10:31": 1}, nil,
		},
		{"pending at the end: the last minute", []hearing{{"10:00:00", 1, -80}, {"10:04:00", far, -50}}, map[string]uint32{"10:04": 1}, nil},
		{
			"heard for six hours", append(every(1, -80, 0, 360, 15), hearing{"15:00:00", far, -50}),
			map[string]uint32{"14:15": 1}, nil,
		},
		{
			"heard for more than six hours", append(every(1, -80, 0, 375, 15), hearing{"15:00:00", far, -50}),
			nil, map[string]uint32{"14:30": 1},
		},
	} {
		for _, policy := range []wire.Policy{wire.Policy_POLICY_STANDARD, wire.Policy_POLICY_COUNT_ONLY} {
			t.Run(fmt.Sprintf("%s, %s", row.name, policy), func(t *testing.T) {
				r := newRig(t, func(r *rig) { r.set.Policy = policy })
				hear(r, row.heard).finish()
				checkPassers(t, r, row.passers, row.long)
			})
		}
	}
}

func checkPassers(t *testing.T, r *rig, passers, long map[string]uint32) {
	t.Helper()
	gotPassers, gotLong := map[string]uint32{}, map[string]uint32{}
	for _, m := range r.sink.minutes() {
		minutes := (m.Minute*minuteNS - r.at("00:00:00")) / minuteNS
		name := fmt.Sprintf("%02d:%02d", minutes/60, minutes%60)
		if m.PassersBy > 0 {
			gotPassers[name] = m.PassersBy
		}
		if m.ExcludedLong > 0 {
			gotLong[name] = m.ExcludedLong
		}
	}
	if !maps.Equal(gotPassers, passers) || !maps.Equal(gotLong, long) {
		t.Errorf("got passers-by %v and excluded_long %v, want %v and %v", gotPassers, gotLong, passers, long)
	}
}

func TestPassersByAtClosingCountInTheLastMinute(t *testing.T) {
	r := newRig(t, func(r *rig) { r.set.Hours = hours(t, map[string]string{"mon": "10:00-11:00,11:05-12:00"}) })
	hear(r, []hearing{
		{"10:30:00", 1, -80}, {"10:44:30", 2, -80}, {"10:50:00", 3, -80}, {"10:58:20", 4, -80}, // silent for 15 minutes at 10:45, 10:59:30, later
		{"10:59:40", 99, -50}, {"11:01:00", 5, -80}, {"11:06:00", 3, -80}, {"11:06:30", 99, -50},
	})
	r.finish()
	// 3 is heard again after the break: nothing of it was kept, so it counts once more.
	checkPassers(t, r, map[string]uint32{"10:45": 1, "10:59": 3, "11:06": 1}, nil)
}

func TestRandomAddressesAreNoPassersBy(t *testing.T) {
	r := newRig(t, nil)
	r.feed(air{t: r.at("10:00:00"), addr: made(1), dbm: -80}, air{t: r.at("10:40:00"), addr: made(2), dbm: -60}).finish()
	if c := r.p.Counts(); c.PassersBy != 0 || c.RandomBursts != 2 || len(r.sink.sightings()) != 0 {
		t.Errorf("got %d passers-by of %d random bursts", c.PassersBy, c.RandomBursts)
	}
}

func TestSilentMinutesWithinAPeriodAreListenedTo(t *testing.T) {
	r := newRig(t, nil)
	hear(r, []hearing{{"10:00:30", 1, -80}, {"13:00:30", 2, -80}}).finish()
	ms := r.sink.minutes()
	if len(ms) != 181 {
		t.Fatalf("got %d minutes, want all 181 from the first frame to the last", len(ms))
	}
	for i, m := range ms {
		if m.Minute != ms[0].Minute+int64(i) || m.ListenedS != 60 {
			t.Errorf("minute %d: got %+v", i, m)
		}
	}
	checkPassers(t, r, map[string]uint32{"10:15": 1, "13:00": 1}, nil)
}

// TestOfAPasserByOnlyACountLeaves: phones that are heard outside only, for hours, are counted, and neither an id nor a bucket
// nor a return id of theirs is so much as computed.
func TestOfAPasserByOnlyACountLeaves(t *testing.T) {
	r := newRig(t, nil)
	const outside = 40
	for minute := 0; minute < 120; minute += 5 {
		for addr := 1; addr <= outside; addr++ {
			r.feed(air{t: r.at(fmt.Sprintf("%02d:%02d:00", 10+minute/60, minute%60)), addr: phone(addr), dbm: -85})
		}
	}
	r.finish()
	for addr := 1; addr <= outside; addr++ {
		if a := phone(addr); r.hasher.ids[a]+r.hasher.bucket[a]+r.hasher.returns[a] > 0 {
			t.Fatalf("phone %d was hashed", addr)
		}
	}
	passers := uint32(0)
	for _, m := range r.sink.minutes() {
		passers += m.PassersBy
	}
	if passers != outside {
		t.Errorf("got %d passers-by, want %d", passers, outside)
	}
	for _, e := range r.sink.envelopes {
		if e.GetSightings() != nil {
			t.Error("got sightings")
		}
	}
}
