package run

import (
	"context"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
)

// A broker frees whole files, and the one that it is writing to never: ids that were truncated stay on the disk until another file is
// begun. Kafka begins one by time, with the first message after an hour (segment.ms). The embedded broker goes by size alone, so the
// aggregator sees to it, in the same rhythm, and when it seals a day: the Seal begins a file, and all that stood before it can be
// freed. No message is made for that, and none changes: what a file holds is nothing that an answer depends on.

// rolls is where a partition stands with its newest file of sightings.
type rolls struct {
	since   time.Time // when the newest file was begun, or was seen first
	waiting bool      // for the first message at from or after it, which begins a file
	from    int64
}

// roll has the partitions' newest files replaced that were written to for as long as Kafka would.
func (a *Aggregator) roll(ctx context.Context, owners map[int]*owner) {
	if a.cfg.RollEach == nil {
		return
	}
	each, now := false, a.cfg.Now()
	for p, o := range owners {
		switch r := &o.rolls; {
		case !o.caughtUp():
		case o.sealing(): // beginFile was called before the Seal was sent
			each = true
		case r.waiting && o.next[sightings] > r.from:
			*r = rolls{since: now}
		case r.waiting:
			each = true
		case now.Sub(r.since) >= broker.Segment: // after a restart too: nobody knows how old the file is
			each = true
			if a.beginFile(ctx, true); !a.rolling {
				return // again at the next look
			}
			end, err := a.endOffset(ctx, topics[sightings], p) // only what comes from here on is sure to find it so
			if err != nil {
				a.rollFailed(ctx, err)
				return
			}
			r.waiting, r.from = true, end
		}
	}
	a.beginFile(ctx, each)
}

// sealing reports whether a Seal was sent that was not read yet.
func (o *owner) sealing() bool {
	for _, s := range o.stores {
		for _, d := range s.days {
			if d.asked && d.seal[sightings] < 0 {
				return true
			}
		}
	}
	return false
}

// beginFile has each message of sightings begin a file from now on, or no longer.
func (a *Aggregator) beginFile(ctx context.Context, each bool) {
	if a.cfg.RollEach == nil || a.rolling == each {
		return
	}
	if err := a.cfg.RollEach(ctx, topics[sightings], each); err != nil {
		a.rollFailed(ctx, err)
		return
	}
	a.rolling, a.rollBroken = each, false
}

// rollFailed says once that files are not replaced. It is tried until it works.
func (a *Aggregator) rollFailed(ctx context.Context, err error) {
	if ctx.Err() != nil || a.rollBroken {
		return
	}
	a.rollBroken = true
	a.log.Warn("the broker was not made to begin another file, so truncated ids stay in it for longer; look whether kafka can be reached", "error", err)
}
