package live

import (
	"testing"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/embedded"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/status"
)

// cutOff has the broker elsewhere while it does something, so that the sensor knows nothing of it.
func (b *box) cutOff(do func()) {
	b.t.Helper()
	b.broker.Close()
	here := b.addr
	elsewhere, err := embedded.Start(embedded.Options{DataDir: b.data})
	if err != nil {
		b.t.Fatal(err)
	}
	b.addr = elsewhere.Addr()
	do()
	elsewhere.Close()
	b.addr = here
}

// TestAnOfflineSensorEnforcesTheNewListBeforeItSends cuts a running sensor off while a device is registered that it goes on
// hearing. What it sends afterwards is under the new list from the first message on: the Forget, then ids without the device's.
func TestAnOfflineSensorEnforcesTheNewListBeforeItSends(t *testing.T) {
	t.Parallel() // most of it is waiting
	b := newBox(t, nil)
	r := b.start()
	b.sends(own(0), -50)
	r.wait("the first sighting", func() bool { return len(ids(b.log(broker.Sightings))) == 1 })
	var before int
	b.cutOff(func() {
		before = len(b.log(broker.Sightings))
		for n := 1; n <= 2; n++ { // while nothing is listed, as far as the sensor knows
			b.sends(own(n), -50)
		}
		r.until("footfall_sensor_bursts_total", 3, `"sighting"`)
		b.registers(1, own(1))
	})
	b.sends(own(1), -50)
	b.sends(own(3), -50)
	r.until("footfall_sensor_bursts_total", 5, `"sighting"`)
	r.troubled(string(status.KafkaUnreachable), 1)
	b.startBroker()
	r.wait("the others' sightings", func() bool { return len(ids(b.log(broker.Sightings))) == 3 })
	b.sends(own(1), -50)
	r.until("footfall_sensor_dropped_frames_total", 1, `"opted_out"`)
	r.newest("the new list", func(h *wire.Header, _ *wire.Heartbeat) bool { return h.OptoutVersion == 1 })
	if counts := r.end(); counts.Drops[agent.DropOptedOut] == 0 {
		t.Error("got no frame dropped, want those of the listed device")
	}
	log := b.log(broker.Sightings)
	listed, first := b.hasher.ID(own(1)), true
	for _, e := range log[before:] {
		if e.GetSightings() == nil && e.GetForget() == nil {
			continue
		}
		if e.Header.OptoutVersion != 1 {
			t.Errorf("got a message of kind %s under list %d, want all of them under the new one", e.Kind(), e.Header.OptoutVersion)
		}
		if first && e.GetForget().GetId() != listed {
			t.Errorf("got a message of kind %s first, want the Forget", e.Kind())
		}
		first = false
	}
	if got := ids(log); len(got) != 3 || got[listed] != 0 {
		t.Errorf("got %d ids, want those of the three that are not listed", len(got))
	}
}
