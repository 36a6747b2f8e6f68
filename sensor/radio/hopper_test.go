package radio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// dial is a radio of which a test can say what happens to it.
type dial struct {
	mu     sync.Mutex
	mhz    int
	mute   bool // it does not say where it is
	broken error
	refuse int // MHz
	set    []string
	begin  time.Time
}

func (d *dial) SetChannel(c Channel) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.broken != nil:
		return d.broken
	case c.MHz == d.refuse:
		return ErrRefused
	}
	d.mhz = c.MHz
	d.set = append(d.set, fmt.Sprintf("%s:%s", time.Since(d.begin), c))
	return nil
}

func (d *dial) Channel() (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mute {
		return 0, d.broken
	}
	return d.mhz, d.broken
}

func (d *dial) change(f func(*dial)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d)
}

// hop runs a hopper with a stay of one second on each channel for so long, and returns what it reported.
func hop(t *testing.T, d *dial, reg prometheus.Registerer, channels []string, length time.Duration, meanwhile func(h *Hopper)) []string {
	t.Helper()
	d.begin = time.Now()
	stops, _, err := Plan(PlanSpec{List: channels, Dwell: time.Second}, able(append(europe24(), world5()...)...))
	if err != nil {
		t.Fatal(err)
	}
	var reports []string
	h, err := NewHopper(HopperOptions{Radio: d, Stops: stops, Registerer: reg, Report: func(r Report) {
		switch r.Kind {
		case Taken:
			reports = append(reports, fmt.Sprintf("%s %s %d", r.Kind, r.Channel, r.FoundMHz))
		case Failed:
			reports = append(reports, fmt.Sprintf("%s %s %s", r.Kind, r.Channel, Reason(r.Err)))
		default:
			reports = append(reports, fmt.Sprintf("%s %s", r.Kind, r.Channel))
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.Run(ctx)
	}()
	if meanwhile != nil {
		meanwhile(h)
	}
	<-done
	return reports
}

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %s\nwant %s", what, strings.Join(got, ", "), strings.Join(want, ", "))
	}
}

func TestHopperGoesRoundByThePlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, reg := &dial{}, prometheus.NewPedanticRegistry()
		got := hop(t, d, reg, []string{"1", "6", "36"}, 4500*time.Millisecond, nil)
		expect(t, "reports", got, []string{"tuned 1", "kept 1", "tuned 6", "kept 6", "tuned 36", "kept 36", "tuned 1", "kept 1", "tuned 6"})
		expect(t, "set", d.set, []string{"0s:1", "1s:6", "2s:36", "3s:1", "4s:6"})
		want := `
# HELP footfall_radio_channel_mhz Centre of the channel that the radio was last put on; 0 while that fails.
# TYPE footfall_radio_channel_mhz gauge
footfall_radio_channel_mhz 2437
# HELP footfall_radio_hops_total Times the radio was put on a channel.
# TYPE footfall_radio_hops_total counter
footfall_radio_hops_total{band="2.4"} 4
footfall_radio_hops_total{band="5"} 1
# HELP footfall_radio_taken_total Stays after which the radio was found on a channel that another program had set.
# TYPE footfall_radio_taken_total counter
footfall_radio_taken_total 0
`
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	})
}

func TestASingleChannelIsSetOnceAndWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &dial{}
		got := hop(t, d, nil, []string{"6"}, 5500*time.Millisecond, func(*Hopper) {
			time.Sleep(2500 * time.Millisecond)
			d.change(func(d *dial) { d.mhz = 2462 })
		})
		expect(t, "reports", got, []string{"tuned 6", "kept 6", "kept 6", "taken 6 2462", "tuned 6", "kept 6", "kept 6"})
		expect(t, "set", d.set, []string{"0s:6", "3s:6"})
	})
}

func TestASingleChannelIsSetAgainWhereTheDriverDoesNotSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &dial{mute: true}
		got := hop(t, d, nil, []string{"6"}, 2500*time.Millisecond, nil)
		expect(t, "reports", got, []string{"tuned 6", "kept 6", "tuned 6", "kept 6", "tuned 6"})
	})
}

func TestATakenChannelIsSaidAndTheHopperGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, reg := &dial{}, prometheus.NewPedanticRegistry()
		got := hop(t, d, reg, []string{"1", "6"}, 2500*time.Millisecond, func(*Hopper) {
			time.Sleep(500 * time.Millisecond)
			d.change(func(d *dial) { d.mhz = 5180 })
		})
		expect(t, "reports", got, []string{"tuned 1", "taken 1 5180", "tuned 6", "kept 6", "tuned 1"})
		want := "# HELP footfall_radio_taken_total Stays after which the radio was found on a channel that another program had set.\n" +
			"# TYPE footfall_radio_taken_total counter\nfootfall_radio_taken_total 1\n"
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "footfall_radio_taken_total"); err != nil {
			t.Error(err)
		}
	})
}

func TestARefusedChannelDoesNotStopTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &dial{refuse: 2437}
		got := hop(t, d, nil, []string{"1", "6", "11"}, 3500*time.Millisecond, nil)
		expect(t, "reports", got, []string{"tuned 1", "kept 1", "failed 6 refused", "tuned 11", "kept 11", "tuned 1", "kept 1", "failed 6 refused", "tuned 11"})
		expect(t, "set", d.set, []string{"0s:1", "1.1s:11", "2.1s:1", "3.2s:11"})
	})
}

func TestTheHopperSurvivesTheRadio(t *testing.T) {
	for _, broken := range []error{ErrGone, ErrDown, ErrBusy, ErrBlocked, ErrPermission, errors.New("the moon")} {
		t.Run(Reason(broken), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, reg := &dial{}, prometheus.NewPedanticRegistry()
				got := hop(t, d, reg, []string{"1", "6"}, 12*time.Second, func(h *Hopper) {
					time.Sleep(500 * time.Millisecond)
					if got, want := h.CurrentMHz(), 2412; got != want {
						t.Errorf("on its channel: got %d, want %d", got, want)
					}
					d.change(func(d *dial) { d.broken = broken })
					time.Sleep(8 * time.Second)
					if got, want := h.CurrentMHz(), 0; got != want {
						t.Errorf("while it is broken: got %d, want %d", got, want)
					}
					d.change(func(d *dial) { d.broken = nil })
				})
				failures := 0
				for _, r := range got {
					if strings.HasPrefix(r, "failed") {
						failures++
					}
				}
				// At 1 s, then after pauses of 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2 s.
				if want := 8; failures != want {
					t.Errorf("failures in 8 s: got %d, want %d (%s)", failures, want, strings.Join(got, ", "))
				}
				if last, want := got[len(got)-1], "tuned"; !strings.HasPrefix(last, want) {
					t.Errorf("at the end: got %q, want %q", last, want)
				}
				want := fmt.Sprintf("# HELP footfall_radio_errors_total Attempts to set or read the channel that failed.\n"+
					"# TYPE footfall_radio_errors_total counter\nfootfall_radio_errors_total{reason=%q} 8\n", Reason(broken))
				if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "footfall_radio_errors_total"); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestNewHopperRefuses(t *testing.T) {
	for _, test := range []struct {
		name  string
		stops []Stop
		want  string
	}{
		{"an empty plan", nil, "the plan is empty"},
		{"a stop without a dwell", []Stop{{Channel: Channel{MHz: 2412}}}, "no dwell"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := NewHopper(HopperOptions{Radio: &dial{}, Stops: test.stops}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}
