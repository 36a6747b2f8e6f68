package estimate

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// heard makes the minutes of one class in the strongest band: 'x' one fresh burst, a digit that many, '.' silence, ' ' not
// listened to, '|' the next class epoch begins. The first is minute 0.
func heard(line string) []MinuteData {
	var out []MinuteData
	epoch := int32(16)
	at := int64(0)
	for _, r := range line {
		m := MinuteData{Minute: at, Epoch: epoch, ListenedS: 60, MemoryAge: 15}
		n := uint32(0)
		switch {
		case r == '|':
			epoch++
			continue
		case r == 'x':
			n = 1
		case r >= '1' && r <= '9':
			n = uint32(r - '0')
		case r == ' ':
			m.ListenedS = 0
		}
		if n > 0 {
			m.Rows = []Row{{Class: 5, Band: 7, Bursts: n, Fresh: n}}
		}
		out = append(out, m)
		at++
	}
	return out
}

// plain is one digit a listened minute: people rounded to whole ones. A minute that is left out is a space.
func plain(people []People, minutes int) string {
	out := []byte(strings.Repeat(" ", minutes))
	for _, m := range people {
		out[m.Minute] = fmt.Sprintf("%.0f", m.Random)[0]
	}
	return string(out)
}

func TestPresence(t *testing.T) {
	for name, row := range map[string]struct {
		heard, want string
		gap         float64
		whole       bool
	}{
		"from one hearing to the next":             {heard: "..x....x..", gap: 5, want: "0011111100"},
		"a gap too long is two presences":          {heard: "..x.....x.", gap: 5, want: "0010000010"},
		"a fraction of a minute more is no minute": {heard: "..x.....x.", gap: 5.9, want: "0010000010"},
		"three hearings in a row of gaps":          {heard: "x...x...x.", gap: 4, want: "1111111110"},
		"heard once":                               {heard: "....x.....", gap: 5, want: "0000100000"},
		"never heard":                              {heard: "..........", gap: 5, want: "0000000000"},
		"a capture has no past: whole":             {heard: "..x.......", gap: 10, whole: true, want: "1111111111"},
		"longer than the gap is not whole":         {heard: "..x.......", gap: 9, whole: true, want: "0010000000"},
		"short, but not a capture":                 {heard: "..x.......", gap: 10, want: "0010000000"},
		"minutes not listened to are left out":     {heard: "x. ..x", gap: 5, want: "11 111"},
		"and do not shorten the gap":               {heard: "x.    .x..", gap: 6, want: "10    0100"},
		"whole, with a pause":                      {heard: ".. x..", gap: 10, whole: true, want: "11 111"},
		"cut where the class key changes":          {heard: "..x..|..x..", gap: 9, want: "0010000100"},
		"each epoch has its own":                   {heard: "x..x.|.x..x", gap: 4, want: "1111001111"},
		"nothing at all":                           {heard: "", gap: 5, want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := DefaultParams()
			p.Gap = row.gap
			got := plain(Final(heard(row.heard), p, row.whole), len(row.want))
			if got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

// one gives what Final says of the only minute of a capture.
func one(t *testing.T, p Params, m ...MinuteData) float64 {
	t.Helper()
	got := Final(m, p, true)
	if len(got) != 1 {
		t.Fatalf("got %d minutes, want 1", len(got))
	}
	return got[0].Random
}

func TestPeopleOfAMinute(t *testing.T) {
	minute := func(age uint8, rows ...Row) MinuteData {
		return MinuteData{Minute: 9, ListenedS: 60, MemoryAge: age, Rows: rows}
	}
	many := func(n int) (rows []Row) {
		for c := range n {
			rows = append(rows, Row{Class: uint16(c), Band: 7, Bursts: 1, Fresh: 1})
		}
		return rows
	}
	small := func(rate float64) float64 { return 1 + 1./6*(rate-1) } // one class in a crowd of one
	for name, row := range map[string]struct {
		minutes []MinuteData
		want    float64
	}{
		"one phone":                          {[]MinuteData{minute(15, Row{1, 7, 1, 1, 0})}, 1},
		"fresh bursts over one phone's":      {[]MinuteData{minute(15, Row{1, 7, 5, 5, 0})}, small(5 / 1.25)},
		"returning addresses":                {[]MinuteData{minute(15, Row{1, 7, 5, 0, 3})}, small(3)},
		"both":                               {[]MinuteData{minute(15, Row{1, 7, 5, 5, 3})}, small(7)},
		"a young memory: bursts, no back":    {[]MinuteData{minute(14, Row{1, 7, 6, 6, 9})}, small(6 / 1.5)},
		"bands of one class add up":          {[]MinuteData{minute(15, Row{1, 7, 2, 2, 0}, Row{1, 6, 3, 3, 0})}, small(5 / 1.25)},
		"two floors of three":                {[]MinuteData{minute(15, Row{1, 4, 1, 1, 0})}, 2. / 3},
		"one floor of three":                 {[]MinuteData{minute(15, Row{1, 3, 1, 1, 0})}, 1. / 3},
		"below the floors":                   {[]MinuteData{minute(15, Row{1, 2, 1, 1, 0})}, 0},
		"a row without a burst is not heard": {[]MinuteData{minute(15, Row{1, 7, 0, 1, 9})}, 0},
		"two boots add up":                   {[]MinuteData{minute(15, Row{1, 7, 5, 5, 0}), minute(15, Row{1, 7, 5, 5, 0})}, small(10 / 1.25)},
		"a boot with a full memory and one without": {
			[]MinuteData{minute(15, Row{1, 7, 5, 5, 0}), minute(0, Row{1, 7, 3, 3, 0})}, small(5/1.25 + 3/1.5),
		},
		"100 classes":                  {[]MinuteData{minute(15, many(100)...)}, 100},
		"above 100 classes collide":    {[]MinuteData{minute(15, many(200)...)}, math.Log(1-200./1024) / math.Log(1-1./1024)},
		"every class: large, finite":   {[]MinuteData{minute(15, many(1024)...)}, math.Log(1./1024) / math.Log(1-1./1024)},
		"heard in less than a second":  {[]MinuteData{{Minute: 9, MemoryAge: 15, Rows: many(1)}}, 1},
		"rows in no order":             {[]MinuteData{minute(15, Row{9, 7, 1, 1, 0}, Row{1, 7, 1, 1, 0}, Row{9, 6, 1, 1, 0})}, 2 + 2./7*(2/1.25-1)},
		"as heard by a sensor at rest": {[]MinuteData{minute(15)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := one(t, DefaultParams(), row.minutes...); math.Abs(got-row.want) > 1e-9 {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

func TestTheRateIsOverListenedMinutesOnly(t *testing.T) {
	p := DefaultParams()
	p.Gap = 3
	phones := func(rate float64) float64 { return 1 + 1./6*(math.Max(1, rate)-1) }
	for name, row := range map[string]struct {
		heard string
		at    int // index among the listened minutes
		want  float64
	}{
		"all 15 minutes":                    {"99..........9999", 0, phones(18. / 8 / 1.25)},
		"the middle one of 15":              {".......9.......", 7, phones(9. / 15 / 1.25)},
		"shorter at the end of the capture": {"..............9", 14, phones(9. / 8 / 1.25)},
		"a pause is not silence":            {"     99    .....", 1, phones(18. / 5 / 1.25)},
		"cut at the class epoch":            {"9999999|9999999", 0, phones(9 / 1.25)},
		"and not diluted across it":         {".......|9......", 7, phones(9. / 7 / 1.25)},
	} {
		t.Run(name, func(t *testing.T) {
			got := Final(heard(row.heard), p, false)
			if math.Abs(got[row.at].Random-row.want) > 1e-9 {
				t.Errorf("got %v, want %v", got[row.at].Random, row.want)
			}
		})
	}
}

func TestParams(t *testing.T) {
	for name, row := range map[string]struct{ w, gap, hold float64 }{
		"unknown":           {0, 12, 3},
		"short stays":       {8, 12, 3},
		"as simulated":      {12, 12, 3},
		"half an hour":      {30, 30, 7.5},
		"the lab":           {36, 36, 9},
		"long stays":        {124, 45, 10},
		"not a number":      {math.NaN(), 12, 3},
		"without any bound": {math.Inf(1), 45, 10},
	} {
		t.Run(name, func(t *testing.T) {
			if got := GapFor(row.w); got != row.gap {
				t.Errorf("gap: got %v, want %v", got, row.gap)
			}
			if got := HoldFor(row.w); got != row.hold {
				t.Errorf("hold: got %v, want %v", got, row.hold)
			}
		})
	}
	for name, row := range map[string]struct {
		floor int
		want  [3]uint8
	}{
		"default": {-70, [3]uint8{3, 4, 5}},
		"low":     {-75, [3]uint8{2, 3, 4}},
		"high":    {-65, [3]uint8{4, 5, 6}},
	} {
		t.Run("floors "+name, func(t *testing.T) {
			if got := (Params{FloorDBm: row.floor}).floors(); got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}
