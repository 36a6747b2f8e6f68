package live

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
)

// TestWhatIsOnTheAirArrives sends frames through a real packet socket, the spool and Kafka's protocol.
func TestWhatIsOnTheAirArrives(t *testing.T) {
	b := newBox(t, nil)
	r := b.start()
	for n := range 5 {
		b.sends(own(n), -50)
	}
	b.sends(own(6), -80) // outside
	b.sends(made(1), -50)
	beacon := b.frame(own(7), -50)
	beacon[len(beacon)-36] = 0x80
	_ = b.radio.Write(beacon)
	r.until("footfall_sensor_frames_total", 7)
	r.until("footfall_sensor_bursts_total", 5, `"sighting"`)
	r.wait("the sightings in Kafka", func() bool { return len(ids(b.log(broker.Sightings))) == 5 })
	if health, body := r.get("/healthz"); health != 200 {
		t.Errorf("got health %d %q, want 200", health, body)
	}
	if got := r.metric("footfall_sensor_channel_frames_total", `"2437"`); got != 7 {
		t.Errorf("got %v frames on 2437 MHz, want 7", got)
	}
	counts := r.end()
	if counts.Frames != counts.Kept || counts.Sightings != 5 || counts.RandomBursts != 1 || counts.PassersBy != 1 {
		t.Errorf("got %+v, want 5 sightings, 1 random burst and 1 passer-by", counts)
	}
	got := ids(b.log(broker.Sightings))
	for n := range 5 {
		if got[b.hasher.ID(own(n))] != 1 {
			t.Errorf("phone %d: got %d sightings, want 1", n, got[b.hasher.ID(own(n))])
		}
	}
	frames, passers, listened, bursts := minutes(b.log(broker.Counters))
	if frames != int(counts.Kept) || passers != 1 || bursts != 1 || listened == 0 {
		t.Errorf("got %d frames, %d passers-by, %d bursts, %d s listened, want %d, 1, 1 and some", frames, passers, bursts, listened, counts.Kept)
	}
	log := b.log(broker.Sightings)
	last := log[len(log)-1]
	if boots := bootsOf(log); len(boots) != 1 || last.Header.OptoutVersion != 0 {
		t.Errorf("got boots %v, want one", boots)
	}
	if rest := files(t, b.dir); strings.Contains(rest, "cafe") {
		t.Error("an SSID is on the sensor's disk")
	}
}

func bootsOf(log []*wire.Envelope) []uint64 {
	boots := map[uint64]bool{}
	for _, e := range log {
		boots[e.Header.Boot] = true
	}
	return slices.Collect(maps.Keys(boots))
}

func TestABrokerThatIsAwayIsWaitedFor(t *testing.T) {
	b := newBox(t, nil)
	r := b.start()
	b.sends(own(1), -50)
	r.wait("the first sighting", func() bool { return len(ids(b.log(broker.Sightings))) == 1 })
	b.broker.Close()
	for n := range 20 {
		b.sends(own(10+n), -50)
	}
	r.until("footfall_sensor_bursts_total", 21, `"sighting"`)
	r.troubled("kafka_unreachable", 1)
	b.startBroker()
	r.wait("what was heard while the broker was away", func() bool { return len(ids(b.log(broker.Sightings))) == 21 })
	r.troubled("kafka_unreachable", 0)
	r.end()
	for id, n := range ids(b.log(broker.Sightings)) {
		if n != 1 {
			t.Errorf("id %x: got %d sightings, want 1", id&0xf, n)
		}
	}
}

func TestAStopLosesNothing(t *testing.T) {
	b := newBox(t, nil)
	r := b.start()
	b.sends(own(1), -50)
	r.wait("the first sighting", func() bool { return len(ids(b.log(broker.Sightings))) == 1 })
	b.broker.Close()
	b.sends(own(2), -50) // its burst is open when the stop comes
	r.until("footfall_sensor_frames_total", 2)
	counts := r.end()
	if counts.Sightings != 2 || counts.HeldBursts != 0 {
		t.Errorf("got %+v, want two sightings and nothing held", counts)
	}
	b.startBroker()
	again := b.start()
	again.wait("what the stopped sensor had spooled", func() bool { return len(ids(b.log(broker.Sightings))) == 2 })
	again.end()
	if boots := bootsOf(b.log(broker.Sightings)); len(boots) != 2 {
		t.Errorf("got %d boots, want one a start", len(boots))
	}
}

func TestTheInterfaceGoesDownAndComesBack(t *testing.T) {
	b := newBox(t, nil)
	r := b.start()
	b.radio.Down(t)
	r.troubled("interface_down", 1)
	r.wait("listening ends", func() bool { return r.metric("footfall_sensor_listening") == 0 })
	if health, body := r.get("/healthz"); health != 503 || !strings.Contains(body, "interface_down") {
		t.Errorf("got health %d %q, want 503 and why", health, body)
	}
	b.radio.Up(t)
	r.troubled("interface_down", 0)
	r.until("footfall_sensor_listening", 1)
	b.sends(own(1), -50)
	r.wait("a sighting", func() bool { return len(ids(b.log(broker.Sightings))) == 1 })
	r.end()
}

func TestAnInterfaceThatIsNotThereIsWaitedFor(t *testing.T) {
	b := newBox(t, nil)
	b.config = strings.Replace(b.config, b.radio.Name(), "nosuchradio", 1)
	r := b.startDeaf()
	r.troubled("interface_gone", 1)
	r.end()
}

func TestWhileASensorFailsClosedNoIDLeavesIt(t *testing.T) {
	// What heartbeats say, once a minute, is held by TestAFailClosedSensorSaysSoAndCounts of package agent.
	for _, row := range []struct {
		name   string
		breaks func(*box)
		mends  func(*box)
		why    string
	}{
		{"the kernel's clock is not synchronised", func(b *box) { b.clock.unsynced.Store(true) }, func(b *box) { b.clock.unsynced.Store(false) }, "clock_unsynchronised"},
		{"the clock jumps", func(b *box) { b.clock.shift.Store(int64(72 * time.Hour)) }, func(b *box) { b.clock.shift.Store(0) }, "clock_jumped"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBox(t, nil)
			r := b.start()
			b.sends(own(1), -50)
			r.wait("a sighting", func() bool { return len(ids(b.log(broker.Sightings))) == 1 })
			row.breaks(b)
			r.troubled(row.why, 1)
			b.sends(own(2), -50)
			r.until("footfall_sensor_frames_total", 2)
			time.Sleep(1500 * time.Millisecond) // the burst closes: nothing that could be waited for happens
			row.mends(b)
			r.troubled(row.why, 0)
			b.sends(own(3), -50)
			r.wait("another sighting", func() bool { return len(ids(b.log(broker.Sightings))) == 2 })
			counts := r.end()
			if counts.CountedBursts+counts.Drops[agent.DropBadClock] != 1 {
				t.Errorf("got %+v, want the second phone only counted, or dropped", counts)
			}
			if got := ids(b.log(broker.Sightings)); got[b.hasher.ID(own(2))] != 0 {
				t.Error("an id left while the sensor had failed closed")
			}
		})
	}
}

func TestWithoutTheListNoIDLeaves(t *testing.T) {
	b := newBox(t, nil)
	b.broker.Close()
	r := b.start()
	b.sends(own(1), -50)
	r.until("footfall_sensor_bursts_total", 1, `"counted"`)
	r.troubled("opt_out_list_unread", 1)
	b.startBroker()
	r.troubled("opt_out_list_unread", 0)
	b.sends(own(2), -50)
	r.wait("a sighting", func() bool { return len(ids(b.log(broker.Sightings))) == 1 })
	r.end()
	if got := ids(b.log(broker.Sightings)); got[b.hasher.ID(own(1))] != 0 {
		t.Error("an id left before the opt-out list was read")
	}
}

func TestTwoSensorsCannotShareASpool(t *testing.T) {
	b := newBox(t, nil)
	r := b.start()
	cfg := b.config
	b.config = strings.Replace(cfg, "listen: 127.0.0.1:0", "listen: 'off'", 1)
	err := b.runOnce()
	if err == nil || !strings.Contains(err.Error(), "another") {
		t.Errorf("got %v, want that another process has the spool", err)
	}
	r.end()
}

// TestAnotherProgramMakesTheInterfaceOrdinary: the kernel's filter passes nothing of such an interface, so frames never tell.
func TestAnotherProgramMakesTheInterfaceOrdinary(t *testing.T) {
	b := newBox(t, nil)
	r := b.start()
	b.radio.Down(t)
	b.radio.SetType(t, 1)
	b.radio.Up(t)
	r.wait("listening ends", func() bool { return r.metric("footfall_sensor_listening") == 0 })
	r.troubled("monitor_refused", 1)
	b.radio.Down(t)
	b.radio.SetType(t, 803)
	b.radio.Up(t)
	r.until("footfall_sensor_listening", 1)
	r.troubled("monitor_refused", 0)
	r.troubled("interface_down", 0)
	b.sends(own(1), -50)
	r.wait("a sighting", func() bool { return len(ids(b.log(broker.Sightings))) == 1 })
	r.end()
}

func TestThePaceHoldsTheFsyncInterval(t *testing.T) {
	for _, fsync := range []time.Duration{200 * time.Millisecond, time.Second, 2 * time.Second, time.Minute, 10 * time.Minute} {
		p := paceOf(fsync)
		if sum := p.quiet + p.look + p.sync; sum > fsync || p.sync < fsync/2 || p.quiet < 20*time.Millisecond || p.look > time.Second {
			t.Errorf("%v: got %+v, want no more than the interval, and the disk left alone for half of it", fsync, p)
		}
	}
}
