package radio

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// able makes what a radio can listen on, from centres in MHz.
func able(mhz ...int) []Channel {
	var out []Channel
	for _, f := range mhz {
		if c, ok := ChannelAt(f); ok {
			out = append(out, c)
		}
	}
	return out
}

func europe24() []int {
	return []int{2412, 2417, 2422, 2427, 2432, 2437, 2442, 2447, 2452, 2457, 2462, 2467, 2472}
}

func world5() []int {
	var out []int
	for _, r := range [][2]int{{5180, 5320}, {5500, 5720}, {5745, 5825}} {
		for f := r[0]; f <= r[1]; f += 20 {
			out = append(out, f)
		}
	}
	return out
}

func world6() []int {
	var out []int
	for f := 5955; f <= 7115; f += 20 {
		out = append(out, f)
	}
	return out
}

// show writes a plan as channel@dwell.
func show(stops []Stop) string {
	var out []string
	for _, s := range stops {
		out = append(out, fmt.Sprintf("%s@%s", s.Channel, s.Dwell))
	}
	return strings.Join(out, " ")
}

func TestPlan(t *testing.T) {
	dual := able(append(europe24(), world5()...)...)
	const both = "1@4s 6@4s 11@4s 36@2s 40@2s 44@2s 48@2s 149@2s 153@2s 157@2s 161@2s"
	for _, test := range []struct {
		name     string
		spec     PlanSpec
		can      []Channel
		want     string
		warnings []string // parts of them
		fails    string   // part of the error
	}{
		{name: "nothing said", can: dual, want: both},
		{name: "nothing said, a radio of one band", can: able(europe24()...), want: "1@4s 6@4s 11@4s"},
		{name: "nothing said, a country without 149 to 161", can: able(2412, 2437, 2462, 5180, 5200, 5220, 5240), want: "1@4s 6@4s 11@4s 36@2s 40@2s 44@2s 48@2s"},
		{name: "one dwell for all", spec: PlanSpec{Dwell: 500 * time.Millisecond}, can: able(2412, 2437, 2462, 5180), want: "1@500ms 6@500ms 11@500ms 36@500ms"},
		{name: "one band", spec: PlanSpec{Bands: []string{"5"}}, can: dual, want: "36@2s 40@2s 44@2s 48@2s 149@2s 153@2s 157@2s 161@2s"},
		{name: "a band twice", spec: PlanSpec{Bands: []string{"2.4", "2.4"}}, can: dual, want: "1@4s 6@4s 11@4s"},
		{name: "6 GHz: the preferred channels only", spec: PlanSpec{Bands: []string{"6"}}, can: able(world6()...),
			want: "6g5@2s 6g21@2s 6g37@2s 6g53@2s 6g69@2s 6g85@2s 6g101@2s 6g117@2s 6g133@2s 6g149@2s 6g165@2s 6g181@2s 6g197@2s 6g213@2s 6g229@2s"},
		{name: "6 GHz asked for, and not there", spec: PlanSpec{Bands: []string{"2.4", "6"}}, can: dual, want: "1@4s 6@4s 11@4s",
			warnings: []string{"the 6 GHz band"}},
		{name: "only 6 GHz asked for, and not there", spec: PlanSpec{Bands: []string{"6"}}, can: dual,
			warnings: []string{"the 6 GHz band"}, fails: "the channel plan is empty"},
		{name: "one channel", spec: PlanSpec{List: []string{"6"}}, can: dual, want: "6@4s"},
		{name: "a list, in its order, once each", spec: PlanSpec{List: []string{"36", "1", "36"}}, can: dual, want: "36@2s 1@4s"},
		{name: "radar only when asked for", spec: PlanSpec{List: []string{"100"}}, can: dual, want: "100@2s"},
		{name: "a list with channels that are not there", spec: PlanSpec{List: []string{"1", "14", "6g5"}}, can: dual, want: "1@4s",
			warnings: []string{"in this country: 14, 6g5"}},
		{name: "the same number on two bands", spec: PlanSpec{List: []string{"1", "6g1"}}, can: able(2412, 5955), want: "1@4s 6g1@2s"},
		{name: "a radio that hears nothing", fails: "the channel plan is empty"},
		{name: "bands and a list", spec: PlanSpec{Bands: []string{"5"}, List: []string{"1"}}, can: dual, fails: "leave out one"},
		{name: "a band that is none", spec: PlanSpec{Bands: []string{"2,4"}}, can: dual, fails: `band "2,4"`},
		{name: "a channel that is none", spec: PlanSpec{List: []string{"six"}}, can: dual, fails: `channel "six"`},
		{name: "channel 0", spec: PlanSpec{List: []string{"0"}}, can: dual, fails: `channel "0"`},
		{name: "a channel with a sign", spec: PlanSpec{List: []string{"+6"}}, can: dual, fails: `channel "+6"`},
		{name: "too short a dwell", spec: PlanSpec{Dwell: time.Millisecond}, can: dual, fails: "a dwell of 1ms"},
		{name: "too long a dwell", spec: PlanSpec{Dwell: 2 * time.Hour}, can: dual, fails: "a dwell of 2h"},
		{name: "a negative dwell", spec: PlanSpec{Dwell: -time.Second}, can: dual, fails: "a dwell of -1s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			stops, warnings, err := Plan(test.spec, test.can)
			if got := show(stops); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if len(warnings) != len(test.warnings) {
				t.Errorf("warnings: got %q, want %q", warnings, test.warnings)
			}
			for i, part := range test.warnings {
				if i < len(warnings) && !strings.Contains(warnings[i], part) {
					t.Errorf("warning: got %q, want one with %q", warnings[i], part)
				}
			}
			if (err != nil) != (test.fails != "") || err != nil && !strings.Contains(err.Error(), test.fails) {
				t.Errorf("error: got %v, want one with %q", err, test.fails)
			}
			for _, s := range stops {
				if s.Channel.MHz == 0 {
					t.Errorf("channel %s has no frequency", s.Channel)
				}
			}
		})
	}
}

// ask is one active stay of a phone's scan: it asks at its beginning.
type ask struct {
	at      time.Duration
	channel Channel
}

// scan is what Linux does: see DefaultDwell24. Radar channels are listened to and pass in silence.
func scan(channels []Channel) []ask {
	var out []ask
	var at time.Duration
	for _, c := range channels {
		if c.Band == Band5 && c.Number >= 52 && c.Number <= 144 {
			at += 110 * time.Millisecond
			continue
		}
		out = append(out, ask{at, c})
		at += 60 * time.Millisecond
	}
	return out
}

// heard is the share of scans, begun at every 5 ms of the plan's round, of which the plan hears at least one question on its very
// channel.
func heard(stops []Stop, asks []ask) float64 {
	var round time.Duration
	for _, s := range stops {
		round += s.Dwell
	}
	on := func(at time.Duration) Channel {
		at %= round
		for _, s := range stops {
			if at < s.Dwell {
				return s.Channel
			}
			at -= s.Dwell
		}
		return Channel{}
	}
	scans, hits := 0, 0
	for begin := time.Duration(0); begin < round; begin += 5 * time.Millisecond {
		scans++
		if slices.ContainsFunc(asks, func(a ask) bool { return on(begin+a.at) == a.channel }) {
			hits++
		}
	}
	return float64(hits) / float64(scans)
}

func TestDefaultDwellHearsMostScans(t *testing.T) {
	everything := able(append(europe24(), world5()...)...)
	for _, test := range []struct {
		name       string
		spec       PlanSpec
		scanned    []Channel
		least, max float64
	}{
		{"the default plan, a scan of everything", PlanSpec{}, everything, 0.87, 0.91},
		{"a fifth of a second on each, the same", PlanSpec{Dwell: 200 * time.Millisecond}, everything, 0, 0.6},
		{"half a second on each, the same", PlanSpec{Dwell: 500 * time.Millisecond}, everything, 0.44, 0.48},
		{"the default plan, a scan of 2.4 GHz", PlanSpec{}, able(europe24()...), 0.38, 0.45},
		{"the default plan, a scan of 5 GHz", PlanSpec{}, able(world5()...), 0.45, 0.53},
		{"2.4 GHz only, a scan of everything", PlanSpec{Bands: []string{"2.4"}}, everything, 0.93, 1},
		{"one channel, a scan of everything", PlanSpec{List: []string{"6"}}, everything, 1, 1},
		{"one channel of 2.4 GHz, a scan of 5 GHz", PlanSpec{List: []string{"6"}}, able(world5()...), 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			stops, _, err := Plan(test.spec, everything)
			if err != nil {
				t.Fatal(err)
			}
			got := heard(stops, scan(test.scanned))
			t.Logf("%s: %.0f %%", show(stops), 100*got)
			if got < test.least || got > test.max {
				t.Errorf("share of scans heard: got %.2f, want %.2f to %.2f", got, test.least, test.max)
			}
		})
	}
}

func FuzzParseChannel(f *testing.F) {
	for _, s := range []string{"1", "14", "36", "6g5", "6g", "g5", "", "-1", "6g233", "999", "６"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseChannel(text)
		if err == nil && c.String() != text {
			t.Errorf("got %q, want %q", c.String(), text)
		}
	})
}
