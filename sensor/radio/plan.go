package radio

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How long to stay on a channel where sensor.yaml is silent.
//
// A phone scans channel by channel: Linux stays about 60 ms on a channel where it may send (IEEE80211_PROBE_DELAY and
// IEEE80211_CHANNEL_TIME, HZ/33 each) and about 110 ms on one where it may only listen (IEEE80211_PASSIVE_CHANNEL_TIME, HZ/9;
// net/mac80211/scan.c); other drivers do much the same. So a scan of everything takes about 3 s, of the 2.4 GHz band 0.8 s. A
// radio that stays for longer than a scan lasts is passed by it once, whatever the channel; one that hops faster than the scan
// misses more of them: in that model, of scans of everything in the order of frequency, the default plan hears 89 %, half a second
// on each channel 46 %, a single channel of 2.4 GHz all (and of scans of 5 GHz alone none). TestDefaultDwellHearsMostScans is
// that model. Longer still adds little, and keeps the radio away from a band for longer: this round takes 28 s. 2.4 GHz gets
// twice the time on a channel because every phone scans it.
const (
	DefaultDwell24    = 4 * time.Second
	DefaultDwell5And6 = 2 * time.Second

	minDwell = 50 * time.Millisecond
	maxDwell = time.Hour
)

// PlanSpec is what sensor.yaml says about channels. Empty: the default plan.
type PlanSpec struct {
	Bands []string      // of 2.4, 5, 6; default 2.4 and 5, where the radio can
	List  []string      // channels instead: 1, 6, 36; those of 6 GHz as 6g5
	Dwell time.Duration // on each channel, 50 ms to 1 h; 0: DefaultDwell24 and DefaultDwell5And6
}

// Check says what is wrong with the specification, whatever the radio can.
func (s PlanSpec) Check() error {
	_, _, err := s.channels()
	return err
}

// Stop is one step of a channel plan.
type Stop struct {
	Channel Channel
	Dwell   time.Duration
}

// wanted are the channels of a band on which phones ask: on 2.4 GHz the three that do not overlap (their neighbours are half
// heard beside them); on 5 GHz those without radar, because on the others a phone listens first and mostly stays silent; on 6 GHz
// the preferred scanning channels, every fourth from 5, the only ones where a phone asks without having been told of a network.
func wanted(b Band) []int {
	switch b {
	case Band24:
		return []int{1, 6, 11}
	case Band5:
		return []int{36, 40, 44, 48, 149, 153, 157, 161}
	case Band6:
		var psc []int
		for n := 5; n <= 229; n += 16 {
			psc = append(psc, n)
		}
		return psc
	}
	return nil
}

// Plan makes the round of a radio that can hear these channels. The warnings name what was asked for and is not possible here;
// an error means that the specification is wrong or nothing is left of it. A plan of one stop is no hopping: then a burst is heard
// whole. A default plan warns of nothing, and does without a band that the radio has not.
func Plan(spec PlanSpec, can []Channel) ([]Stop, []string, error) {
	asked, explicit, err := spec.channels()
	if err != nil {
		return nil, nil, err
	}
	var stops []Stop
	var missing []string
	for _, want := range asked {
		at := slices.IndexFunc(can, func(c Channel) bool { return c.Band == want.Band && c.Number == want.Number })
		switch {
		case at >= 0:
			stops = append(stops, Stop{Channel: can[at], Dwell: spec.dwell(want.Band)})
		case explicit:
			missing = append(missing, want.String())
		}
	}
	warnings := spec.missingBands(stops)
	if len(missing) > 0 {
		warnings = append(warnings, "the radio cannot listen on these channels, in this country: "+strings.Join(missing, ", "))
	}
	if len(stops) == 0 {
		return nil, warnings, errors.New("the channel plan is empty: the radio can listen on none of its channels; iw phy shows what it can, and iw reg set sets the country")
	}
	return stops, warnings, nil
}

// channels are those that the specification asks for, without doubles; explicit when it names them one by one.
func (s PlanSpec) channels() (asked []Channel, explicit bool, err error) {
	if s.Dwell != 0 && (s.Dwell < minDwell || s.Dwell > maxDwell) {
		return nil, false, fmt.Errorf("channel plan: a dwell of %s: use %s up to %s", s.Dwell, minDwell, maxDwell)
	}
	if len(s.Bands) > 0 && len(s.List) > 0 {
		return nil, false, errors.New("channel plan: it has bands and a list: leave out one of them")
	}
	add := func(c Channel) {
		if !slices.Contains(asked, c) {
			asked = append(asked, c)
		}
	}
	for _, text := range s.List {
		c, err := parseChannel(text)
		if err != nil {
			return nil, true, err
		}
		add(c)
	}
	if len(s.List) > 0 {
		return asked, true, nil
	}
	bands := s.Bands
	if len(bands) == 0 {
		bands = []string{Band24.String(), Band5.String()}
	}
	for _, text := range bands {
		b, err := parseBand(text)
		if err != nil {
			return nil, false, err
		}
		for _, n := range wanted(b) {
			add(Channel{Band: b, Number: n})
		}
	}
	return asked, false, nil
}

// missingBands names the bands that were asked for by name and of which nothing is left.
func (s PlanSpec) missingBands(stops []Stop) []string {
	var out []string
	for _, b := range s.Bands {
		if !slices.ContainsFunc(stops, func(stop Stop) bool { return stop.Channel.Band.String() == b }) {
			out = append(out, "the radio cannot listen on the "+b+" GHz band, in this country")
		}
	}
	return out
}

func (s PlanSpec) dwell(b Band) time.Duration {
	switch {
	case s.Dwell != 0:
		return s.Dwell
	case b == Band24:
		return DefaultDwell24
	}
	return DefaultDwell5And6
}

func parseBand(text string) (Band, error) {
	for _, b := range []Band{Band24, Band5, Band6} {
		if text == b.String() {
			return b, nil
		}
	}
	return 0, fmt.Errorf("channel plan: band %q: use 2.4, 5 or 6", text)
}

// parseChannel reads 1, 36 or 6g5. Numbers up to 14 are of 2.4 GHz, higher ones of 5 GHz.
func parseChannel(text string) (Channel, error) {
	digits, six := strings.CutPrefix(text, "6g")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > 253 || strconv.Itoa(n) != digits {
		return Channel{}, fmt.Errorf("channel plan: channel %q: use a number such as 1, 6 or 36, and 6g5 for channel 5 of 6 GHz", text)
	}
	switch {
	case six:
		return Channel{Band: Band6, Number: n}, nil
	case n <= 14:
		return Channel{Band: Band24, Number: n}, nil
	}
	return Channel{Band: Band5, Number: n}, nil
}
