package agent

import (
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

const quarterNS = 15 * minuteNS

// rollup counts distinct stable devices inside per quarter of an hour, where no id may leave the sensor. The addresses of the
// open quarter are in memory only.
type rollup struct {
	quarter int64
	devices map[hwaddr.Addr]struct{}
}

func (r *rollup) add(p *Pipeline, b *burst) {
	if q := b.start / quarterNS; r.devices == nil || q != r.quarter {
		p.flushRollup()
		r.quarter, r.devices = q, map[hwaddr.Addr]struct{}{}
	}
	r.devices[b.addr] = struct{}{}
}

// flushRollup gives out the open quarter. Of a quarter that is given out twice, before and after a pause, the reader keeps the
// larger count: the addresses of the first are forgotten by then.
func (p *Pipeline) flushRollup() {
	if len(p.rollup.devices) == 0 {
		return
	}
	cause := wire.Rollup_CAUSE_POLICY
	if p.closed || p.keysDay != p.day {
		cause = wire.Rollup_CAUSE_FAIL_CLOSED
	}
	p.out.rollup(wire.NewRollup(cause, []wire.QuarterCount{{Quarter: p.rollup.quarter, Devices: uint32(len(p.rollup.devices))}}))
	p.rollup = rollup{}
}
