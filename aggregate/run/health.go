package run

import (
	"cmp"
	"math"
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

// health is what the heartbeats of one step say: the newest one's state, and the totals.
type health struct {
	newest        beat
	list          uint64
	drops         map[string]uint64
	spoolLost     uint64
	kernelDropped uint64
	channels      map[uint16]uint64 // by MHz
}

// beat is a heartbeat's place among the others, and the state it tells of.
type beat struct {
	at             int64 // the sensor's clock, Unix ms
	capture        int64 // until when nothing more follows, Unix ms
	boot, sequence uint64
	failClosed     string
	trouble        string
	spoolBytes     uint64
	spoolOldest    int64 // Unix ms; 0 = nothing is held
}

// after orders heartbeats. Those of before made_ms have only their capture time, which moves by quarters of an hour where a sensor
// counts: within a boot the sequence decides, and between boots anything that does not depend on which came first.
func (b beat) after(c beat) bool {
	return cmp.Or(cmp.Compare(b.at, c.at), cmp.Compare(b.boot, c.boot), cmp.Compare(b.sequence, c.sequence)) > 0
}

// heartbeat notes how a sensor does, in the step in which it was made: one that comes late, from a spool, is about
// its own step and changes no later one. One whose time is not of the day has no step in it. Drops and the other totals
// stay totals since its start: what came since the heartbeat before would depend on where in the log the aggregator began to
// read.
func (d *openDay) heartbeat(s *state, sensor int, header *wire.Header, h *wire.Heartbeat) {
	made := cmp.Or(h.MadeMs, h.CaptureMs)
	if made < s.cfg.Calendar.Start(d.day).UnixMilli() || made >= s.cfg.Calendar.End(d.day).UnixMilli() {
		return
	}
	key := healthKey{sensor, time.UnixMilli(made).Truncate(healthStep).Unix()}
	at := d.health[key]
	if at == nil {
		at = &health{drops: map[string]uint64{}, channels: map[uint16]uint64{}}
		d.health[key] = at
	}
	this := beat{
		at: made, capture: h.CaptureMs, boot: header.Boot, sequence: header.Sequence, failClosed: reasons(h.FailClosed), trouble: reasons(h.Trouble),
		spoolBytes: h.SpoolBytes, spoolOldest: h.SpoolOldestMs,
	}
	if this.after(at.newest) {
		at.newest = this
	}
	at.list = max(at.list, header.OptoutVersion)
	at.spoolLost, at.kernelDropped = max(at.spoolLost, h.SpoolLost), max(at.kernelDropped, h.KernelDropped)
	for _, drop := range h.Drops {
		if drop.Reason == "opted_out" || drop.Reason == "excluded" {
			continue // sensors of earlier versions told of them: whoever sees it knows when somebody is there who asked to be left out
		}
		at.drops[drop.Reason] = max(at.drops[drop.Reason], drop.Count)
	}
	for _, c := range h.Channels {
		if c.Mhz <= math.MaxUint16 {
			at.channels[uint16(c.Mhz)] = max(at.channels[uint16(c.Mhz)], c.Frames)
		}
	}
}

func reasons(list []string) string { return strings.Join(slices.Sorted(slices.Values(list)), ", ") }

// instant is a column's form of a time that a sensor named: nil where it named none, or one that no clock shows.
func instant(ms int64) *time.Time {
	if ms <= 0 || ms > math.MaxUint32*1000 {
		return nil
	}
	at := time.UnixMilli(ms).UTC().Truncate(time.Second)
	return &at
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
		r.pubSensor = append(r.pubSensor, healthRow(s, k, d.health[k], listened[k], version))
	}
}

// healthRow is one step; h is nil where no heartbeat told of it.
func healthRow(s *state, k healthKey, h *health, listened uint32, version uint64) store.PubSensor5MinRow {
	sensor, start := s.cfg.Sensors[k.sensor], time.Unix(k.start, 0).UTC()
	row := store.PubSensor5MinRow{
		Store: s.cfg.ID, Sensor: sensor.ID, Zone: sensor.Zone, Start: start, ListenedS: uint16(min(listened, 300)),
		LastCapture: start, Drops: map[string]uint64{}, Channels: map[uint16]uint64{}, Version: version,
	}
	if h == nil {
		return row
	}
	row.LastCapture = time.UnixMilli(h.newest.capture).UTC().Truncate(time.Second)
	row.FailClosed, row.Trouble, row.OptoutVersion, row.Drops = h.newest.failClosed, h.newest.trouble, h.list, h.drops
	row.SpoolBytes, row.SpoolOldest, row.SpoolLost = h.newest.spoolBytes, instant(h.newest.spoolOldest), h.spoolLost
	row.KernelDropped, row.Channels = h.kernelDropped, h.channels
	return row
}
