package simulate

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/ingest/calendar"
)

func TestRepeatLooksBackWeeksNotDays(t *testing.T) {
	monday, _ := calendar.ParseDay("2026-01-12")
	for name, row := range map[string]struct {
		start calendar.Day           // of a simulation that ends with the week of monday
		came  map[calendar.Day]int32 // by day, one regular
		want  [2]Repeat              // one week, four weeks; shares left out
	}{
		"earlier in the week": {monday, map[calendar.Day]int32{monday: 1, monday + 3: 1}, [2]Repeat{{0, 1, 0, 1, 0}, {0, 1, 0, 1, 0}}},
		"twice on earlier days": {monday, map[calendar.Day]int32{monday: 1, monday + 3: 1, monday + 6: 1},
			[2]Repeat{{0, 2, 0, 2, 0}, {0, 2, 0, 2, 0}}},
		"on last week's Monday": {monday - 7, map[calendar.Day]int32{monday - 7: 1, monday + 6: 1}, [2]Repeat{{1, 1, 0, 1, 0}, {1, 1, 0, 1, 0}}},
		"the week before that":  {monday - 14, map[calendar.Day]int32{monday - 8: 1, monday: 1}, [2]Repeat{{1, 0, 0, 0, 0}, {2, 1, 0, 1, 0}}},
		"five weeks before":     {monday - 35, map[calendar.Day]int32{monday - 29: 1, monday: 1}, [2]Repeat{{1, 0, 0, 0, 0}, {4, 0, 0, 0, 0}}},
		"before the simulation": {monday - 3, map[calendar.Day]int32{monday - 4: 1, monday: 1}, [2]Repeat{{0, 1, 0, 0, 0}, {0, 1, 0, 0, 0}}},
		"another person":        {monday, map[calendar.Day]int32{monday: 1, monday + 3: 2}, [2]Repeat{}},
		"only later":            {monday, map[calendar.Day]int32{monday + 7: 1, monday: 1}, [2]Repeat{}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t, "corner", "2026-01-12", int(monday+7-row.start))
			cfg.Start = row.start
			l := newLedger(cfg)
			for d, n := range row.came {
				if d < row.start {
					l.past(d, seen{regulars: []int32{n}})
				}
			}
			for d := row.start; d < monday+7; d++ {
				var who seen
				if n, ok := row.came[d]; ok {
					who.regulars = []int32{n}
				}
				l.add(DayTruth{Stable: Stable{Visits: len(who.regulars), Visitors: len(who.regulars)}}, who)
			}
			weeks := l.truth().Weeks
			last := weeks[len(weeks)-1]
			for i, got := range [2]Repeat{last.OneWeek, last.FourWeeks} {
				if want := share(got.Ever, last.Visitors); got.EverShare != want || got.SpanShare != share(got.Span, last.Visitors) {
					t.Errorf("got shares of %g and %g", got.EverShare, got.SpanShare)
				}
				got.EverShare, got.SpanShare = 0, 0
				if got != row.want[i] {
					t.Errorf("form %d: got %+v, want %+v", i, got, row.want[i])
				}
			}
		})
	}
}

func TestFiveWeeksArePlausibleAndOfReasonableSize(t *testing.T) {
	cfg := testConfig(t, "corner", "2026-01-12", 35)
	truth, _ := run(t, cfg)
	var frames, bytes int64
	for _, d := range truth.Days {
		frames += d.Frames.Random + d.Frames.Stable
		bytes += d.Frames.Bytes
		if !d.Open {
			if d.Entries+d.Stable.Visits+d.Stable.PassersBy+int(d.Frames.OpenRandom) > 0 {
				t.Errorf("%s: a closed day has %+v", d.Date, d.Stable)
			}
			continue
		}
		if d.Stable.Visitors < 70 || d.Stable.ExcludedLong < 7 || d.Stable.LongOutside != 2 || d.Stays < 200 || d.Stays > d.Entries || d.People > d.Stays {
			t.Errorf("%s: got %d of %d stays, %+v", d.Date, d.Stays, d.Entries, d.Stable)
		}
		if m := d.Stable.Dwell.Median; m < 480 || m > 900 || m > d.Stable.DoorToDoor.Median || m < d.Stable.Dwell.Lower || m > d.Stable.Dwell.Upper {
			t.Errorf("%s: dwell %+v, door to door %+v", d.Date, d.Stable.Dwell, d.Stable.DoorToDoor)
		}
		if r := d.Frames.RandomShare; r < 0.25 || r > 0.85 {
			t.Errorf("%s: random share %g", d.Date, r)
		}
	}
	if frames > 4_000_000 || bytes > 600<<20 {
		t.Errorf("got %d frames and %d bytes, want at most 4 million and 600 MB", frames, bytes)
	}
	if truth.RandomShare < 0.6 || truth.RandomShare > 0.75 || len(truth.Weeks) != 5 {
		t.Errorf("got %d weeks, %g of the shoppers random", len(truth.Weeks), truth.RandomShare)
	}
	for i, w := range truth.Weeks {
		one, four := w.OneWeek, w.FourWeeks
		if one.EverShare < 0.25 || four.EverShare > 0.55 || one.Ever >= four.Ever || w.CaptureRate < 0.1 || w.CaptureRate > 0.5 {
			t.Errorf("week %d: %+v", i, w)
		}
		if one.LookBack != min(i, 1) || four.LookBack != i || (one.Span == one.Ever) != (i >= 1) || (four.Span == four.Ever) != (i >= 4) {
			t.Errorf("week %d: one week %+v, four weeks %+v", i, one, four)
		}
	}
}

func TestTheTruthHoldsNoAddress(t *testing.T) {
	cfg := testConfig(t, "corner", "2026-01-12", 1)
	truth, c := run(t, cfg)
	text := strings.ToLower(asJSON(t, truth))
	for _, p := range readCapture(t, c.files[cfg.Start].Bytes()) {
		for _, sep := range []string{"", ":", "-"} {
			var parts []string
			for _, b := range p.sender {
				parts = append(parts, hex.EncodeToString([]byte{b}))
			}
			if strings.Contains(text, strings.Join(parts, sep)) {
				t.Fatal("an address of the capture is in the truth")
			}
		}
		if p.ssid != "" && strings.Contains(text, strings.ToLower(p.ssid)) {
			t.Fatal("a network's name is in the truth")
		}
	}
}
