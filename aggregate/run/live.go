package run

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/aggregate/publish"
	"github.com/openfootfall/footfall/aggregate/store"
)

// live adds how many are inside just now, once for each five minutes: the number of a step is what was known when the step was first
// looked at, and stays. Moving within a step, under its one draw, it would show who came. Only live sensors have a now.
func (r *rows) live(o *owner, s *state) {
	if o.a.cfg.Clock != ClockWall {
		return
	}
	step := o.a.cfg.Now().UTC().Truncate(publish.LiveGrid)
	if !step.After(s.shown) {
		return
	}
	s.shown = step
	n, heard := o.inside(s, step)
	v := o.a.round.Live(s.cfg.ID, step, publish.Live{Condition: s.condition(step, step.Add(time.Second), heard), Occupancy: peopleOf(n)})
	local := step.In(s.cfg.Calendar.Location())
	row := store.PubStoreLiveRow{
		Store: s.cfg.ID, Start: step, StoreDay: s.cfg.Calendar.DayOf(step).Date(), LocalHour: uint8(local.Hour()), LocalMinute: uint8(local.Minute()),
		OccupancyState: string(v.State), Version: uint64(step.Unix()),
	}
	row.Occupancy, row.OccupancyLow, row.OccupancyHigh = estimateOf(v)
	r.pubLive = append(r.pubLive, row)
}

// inside is how many devices are inside as a step begins, and in how many of the minutes of the step before somebody listened. Random
// ones are those of each sensor's last such minute, joined as everywhere by the largest; stable ones those in a visit who were
// heard as recently as a random one has to be. A store that only counts has the devices of its last quarter that was counted.
func (o *owner) inside(s *state, step time.Time) (n float64, heard int) {
	before := step.Add(-time.Minute)
	d := s.days[s.cfg.Calendar.DayOf(before)]
	if d == nil {
		return 0, 0
	}
	last := before.Unix() / 60
	first := last - int64(publish.LiveGrid/time.Minute) + 1
	listened := map[int64]struct{}{}
	random := 0.
	for _, ear := range d.heard {
		newest := int64(math.MinInt64)
		for at := first; at <= last; at++ {
			if m := ear.minutes[at]; m != nil && m.ListenedS > 0 {
				listened[at], newest = struct{}{}, at
			}
		}
		if m := ear.minutes[newest]; m != nil {
			random = max(random, m.Random)
		}
	}
	return random + o.stable(s, d, step), len(listened)
}

func (o *owner) stable(s *state, d *openDay, step time.Time) float64 {
	quarter := step.Unix()/60/estimate.Quarter - 1 // the last whole one
	if s.countOnly() {
		return float64(max(d.counted[quarter], d.counted[quarter+1]))
	}
	w, _ := s.meanStay(d.day)
	until := step.UnixMilli()
	since := until - int64(estimate.HoldFor(w)*60_000)
	n := 0
	result := d.union.Result(s.layout, visitsParams())
	for i := range result.Devices {
		for _, v := range result.Devices[i].Visits {
			if v.FirstMS < until && v.LastMS >= since {
				n++
				break
			}
		}
	}
	return float64(n)
}

// restoreLive reads which five minutes were shown last, so that another process does not show them again with other numbers.
func (a *Aggregator) restoreLive(ctx context.Context, s *state) error {
	start, err := store.Value[time.Time](ctx, a.db, "SELECT max(start) FROM "+store.TablePubStoreLive+" WHERE store = ?", s.cfg.ID)
	if err != nil {
		return fmt.Errorf("read which live occupancy was shown last: %w", err)
	}
	s.shown = start
	return nil
}
