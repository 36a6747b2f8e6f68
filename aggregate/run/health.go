package run

import (
	"slices"
	"strings"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/wire"
)

const healthStep = 5 * time.Minute

// healthKey is one sensor in one step of five minutes of capture time.
type healthKey struct {
	sensor int
	start  int64 // Unix seconds
}

type health struct {
	last       int64 // capture time, Unix ms
	failClosed string
	list       uint64
	drops      map[string]uint64
}

// heartbeat notes how a sensor does, in the step that its capture time falls into. Drops stay totals since its start: what was
// dropped since the heartbeat before would depend on where in the log the aggregator began to read.
func (d *openDay) heartbeat(sensor int, header *wire.Header, h *wire.Heartbeat) {
	if h.CaptureMs <= 0 {
		return
	}
	key := healthKey{sensor, time.UnixMilli(h.CaptureMs).Truncate(healthStep).Unix()}
	at := d.health[key]
	if at == nil {
		at = &health{drops: map[string]uint64{}}
		d.health[key] = at
	}
	failClosed := strings.Join(slices.Sorted(slices.Values(h.FailClosed)), ", ")
	if h.CaptureMs > at.last || h.CaptureMs == at.last && failClosed > at.failClosed { // the newest, in whatever order they come
		at.last, at.failClosed = h.CaptureMs, failClosed
	}
	at.list = max(at.list, header.OptoutVersion)
	for _, drop := range h.Drops {
		at.drops[drop.Reason] = max(at.drops[drop.Reason], drop.Count)
	}
}

func (r *rows) health(s *state, d *openDay, version uint64) {
	listened := map[healthKey]uint32{}
	for sensor, h := range d.heard {
		for _, m := range h.minutes {
			listened[healthKey{sensor, time.Unix(m.Minute*60, 0).Truncate(healthStep).Unix()}] += uint32(m.ListenedS)
		}
	}
	keys := map[healthKey]struct{}{}
	for k := range listened {
		keys[k] = struct{}{}
	}
	for k := range d.health {
		keys[k] = struct{}{}
	}
	for k := range keys {
		sensor := s.cfg.Sensors[k.sensor]
		start := time.Unix(k.start, 0).UTC()
		row := store.PubSensor5MinRow{
			Store: s.cfg.ID, Sensor: sensor.ID, Zone: sensor.Zone, Start: start, ListenedS: uint16(min(listened[k], 300)),
			LastCapture: start, Drops: map[string]uint64{}, Version: version,
		}
		if h := d.health[k]; h != nil {
			row.LastCapture, row.FailClosed, row.OptoutVersion, row.Drops = time.UnixMilli(h.last).UTC().Truncate(time.Second), h.failClosed, h.list, h.drops
		}
		r.pubSensor = append(r.pubSensor, row)
	}
}
