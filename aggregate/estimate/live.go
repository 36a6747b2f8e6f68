package estimate

// Live is how many random devices are inside in the minute now, from what was heard up to it: section 3, live form. A class
// is present when it was heard in the last Hold minutes, now among them; the rate is over the 15 minutes that end with now.
// In the first minutes of a class epoch the old epoch's classes are still held and say nothing about the new one's: the
// crowd is the larger of the two, never their sum. ok is false where none of the 15 minutes was listened to.
func Live(minutes []MinuteData, p Params, now int64) (random float64, ok bool) {
	var ms []minute
	for _, d := range minutes {
		if !d.listened() || d.Minute > now || d.Minute <= now-trail {
			continue
		}
		if n := len(ms); n == 0 || ms[n-1].at != d.Minute {
			ms = append(ms, minute{at: d.Minute, epoch: d.Epoch})
		}
		ms[len(ms)-1].take(d)
	}
	return live(ms, p, now)
}

func live(ms []minute, p Params, now int64) (random float64, ok bool) {
	ms = ms[search(ms, now-trail+1):search(ms, now+1)]
	for a := 0; a < len(ms); {
		b := a + 1
		for b < len(ms) && ms[b].epoch == ms[a].epoch {
			b++
		}
		random = max(random, liveEpoch(ms[a:b], p, now))
		a = b
	}
	return random, len(ms) > 0
}

func liveEpoch(ms []minute, p Params, now int64) float64 {
	heard := byClass(ms)
	var hits []hit
	total := 0.0
	for _, floor := range p.floors() {
		present, excess := 0, 0.0
		for rows := range heard {
			hits = aboveFloor(hits, rows, floor)
			if !heldAt(hits, p.Hold, now) {
				continue
			}
			w := window{ms: ms, hits: hits, p: p}
			present++
			excess += max(1, w.rate(now-trail+1, now)) - 1
		}
		total += p.people(present, excess)
	}
	return total / softFloors
}

// heldAt says whether the class was heard in the last hold minutes.
func heldAt(hits []hit, hold float64, now int64) bool {
	for i := len(hits) - 1; i >= 0 && float64(now-hits[i].at) < hold; i-- {
		if hits[i].bursts > 0 {
			return true
		}
	}
	return false
}
