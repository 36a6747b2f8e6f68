package outbox

import (
	"crypto/rand"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
	"github.com/openfootfall/footfall/sensor/keys"
)

// extendedSensor is a live sensor of an extended store, with real keys, steps, spool and outbox.
type extendedSensor struct {
	*world
	keys     *keys.State
	pipeline *agent.Pipeline
}

const extendedStore = `stores: [{id: street, time_zone: Europe/Berlin, policy: extended, legal_basis: "consent at the desk, A. Person, 2026-01-05",
  zones: [{id: hall, sensors: [{id: door}]}]}]`

func newExtendedSensor(t *testing.T) *extendedSensor {
	t.Helper()
	list, err := stores.Parse([]byte(extendedStore))
	if err != nil {
		t.Fatal(err)
	}
	s := &extendedSensor{world: newExtended(t)}
	seed, err := keys.NewStoreSeed(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	optOut, err := keys.NewOptOutKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bundles, err := keys.NewBundles(&list[0], seed, s.cal.DayOf(s.now()), optOut)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := bundles[0].Write(filepath.Join(dir, "bundle")); err != nil {
		t.Fatal(err)
	}
	if s.keys, err = keys.Import(filepath.Join(dir, "bundle"), filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	s.start()
	return s
}

// start makes the steps anew, as after a restart of the sensor.
func (s *extendedSensor) start() {
	site := s.keys.Site()
	s.pipeline = agent.NewPipeline(agent.Settings{
		Store: site.Store, Sensor: site.Sensor, Zone: site.Zone, Calendar: site.Calendar, Policy: site.Policy, RSSIInside: -70, RSSIFloor: -90, Live: true,
	}, s.keys.Day(), agent.Deps{Hasher: s.keys.Hasher(), OptOuts: tags{s.list}, Sink: toOutbox{s.box}, Heard: s.box.Heard, NewDay: s.turn})
	s.pipeline.Listening(true)
}

func (s *extendedSensor) turn(next calendar.Day) error {
	if err := s.keys.Advance(next); err != nil {
		return err
	}
	s.pipeline.SetHasher(s.keys.Hasher())
	s.box.NewDay(next)
	return nil
}

// hears has the phones ask every half minute for so long.
func (s *extendedSensor) hears(long time.Duration, phones ...hwaddr.Addr) {
	s.t.Helper()
	for end := s.now().Add(long); s.now().Before(end); s.wait(30 * time.Second) {
		for _, a := range phones {
			body := dot11.AppendProbeRequest(nil, a, 1, []byte{0, 0, 1, 1, 2})
			data, err := dot11.Append(nil, dot11.LinkRadiotap, dot11.Radio{RSSI: -50, HasRSSI: true, FreqMHz: 2437}, body)
			if err != nil {
				s.t.Fatal(err)
			}
			if err := s.pipeline.Frame(capture.Record{Time: s.now().UnixNano(), Link: dot11.LinkRadiotap, Data: data, OrigLen: len(data)}); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// wait lets time pass in which the sensor runs.
func (s *extendedSensor) wait(d time.Duration) {
	s.t.Helper()
	s.run(d)
	if err := s.pipeline.Tick(s.now().UnixNano()); err != nil {
		s.t.Fatal(err)
	}
	if err := s.pipeline.Flush(); err != nil {
		s.t.Fatal(err)
	}
}

// days lets days pass with nobody near.
func (s *extendedSensor) days(n int) {
	s.t.Helper()
	s.sync()
	s.step(time.Duration(n) * 24 * time.Hour)
	s.list.confirm()
	s.wait(2 * time.Second)
}

// tags is the list as the steps want it.
type tags struct{ *list }

func (l tags) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.tags)
}

type toOutbox struct{ box *Outbox }

func (k toOutbox) Send(topic agent.Topic, e *wire.Envelope) error {
	if topic == agent.Counters {
		return k.box.Send(broker.Counters, e)
	}
	return k.box.Send(broker.Sightings, e)
}

// onWire says whether the number is an id, or a return id, of the sightings that Kafka has.
func (s *extendedSensor) onWire(number uint64) (id, ret bool) {
	var run wire.Run
	for _, m := range s.kafka.stored() {
		for runs := m.e.GetSightings().Runs(); runs.Next(&run); {
			id = id || run.ID == number
			ret = ret || run.HasReturn && (run.Return[0] == number || run.Return[1] == number)
		}
	}
	return id, ret
}

// TestAnOptOutWeeksLaterTakesTheReturnIDsBack is an extended store's sensor from the air to Kafka, judged with the test's copy of its
// keys: a phone visits, and registers 10 days later, after a restart, without coming again.
func TestAnOptOutWeeksLaterTakesTheReturnIDsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newExtendedSensor(t)
		phone, other := hwaddr.Addr{0x00, 0x1b, 0x63, 1, 2, 3}, hwaddr.Addr{0x00, 0x1b, 0x63, 4, 5, 6}
		random := hwaddr.Addr{0x02, 0x1b, 0x63, 7, 8, 9}
		h := s.keys.Hasher()
		id, tag := h.ID(phone), h.Tag(phone)
		now, before, ok := h.ReturnIDs(phone)
		notOf, _, _ := h.ReturnIDs(random)
		if !ok {
			t.Fatal("an extended store's keys make no return ids")
		}
		s.hears(8*time.Minute, phone, other, random)
		s.wait(time.Minute)
		if onWire, _ := s.onWire(id); !onWire {
			t.Fatal("the phone's id did not arrive: the test proves nothing")
		}
		if _, ret := s.onWire(now); !ret {
			t.Error("the phone's return id did not arrive")
		}
		if _, ret := s.onWire(notOf); ret {
			t.Error("a random address has a return id")
		}
		if !s.inState(now) {
			s.wait(2 * time.Minute)
			s.sync()
		}
		s.days(9)
		s.restart()
		s.start()
		s.days(1)
		if again, _, _ := s.keys.Hasher().ReturnIDs(phone); again != now {
			t.Fatal("the period turned: choose another day")
		}
		s.joins(tag)
		s.wait(4 * time.Second)
		got := s.forgets()
		if len(got) != 1 {
			t.Fatalf("got %d Forgets, want one", len(got))
		}
		if f := got[0].e.GetForget(); f.ReturnIds[0] != now || f.ReturnIds[1] != before || f.Id == id {
			t.Errorf("got %v, want the return ids %x and %x beside a random id", f, now, before)
		}
		s.sync()
		if s.inState(now) {
			t.Error("the phone's return id is still on the sensor's disk")
		}
		was := len(s.kafka.stored())
		s.hears(8*time.Minute, phone, other)
		s.wait(time.Minute)
		today := s.keys.Hasher()
		otherNow, _, _ := today.ReturnIDs(other)
		otherCame := false
		var run wire.Run
		for _, m := range s.kafka.stored()[was:] {
			for runs := m.e.GetSightings().Runs(); runs.Next(&run); {
				if run.ID == today.ID(phone) || run.HasReturn && run.Return[0] == now {
					t.Error("the phone is heard after it was registered")
				}
				otherCame = otherCame || run.HasReturn && run.Return[0] == otherNow
			}
		}
		if !otherCame {
			t.Error("the other phone's return id did not arrive, want that of its first visit")
		}
		s.balanced()
	})
}

// TestAnOptOutTodayTakesIDAndReturnIDsBackInOneForget, while what waits of the phone does not leave.
func TestAnOptOutTodayTakesIDAndReturnIDsBackInOneForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newExtendedSensor(t)
		phone, other := hwaddr.Addr{0x00, 0x1b, 0x63, 1, 2, 3}, hwaddr.Addr{0x00, 0x1b, 0x63, 4, 5, 6}
		h := s.keys.Hasher()
		now, before, _ := h.ReturnIDs(phone)
		s.kafka.set(always(errDown))
		s.hears(8*time.Minute, phone, other)
		s.kafka.set(nil)
		s.joins(h.Tag(phone), 12345)
		s.wait(time.Minute)
		if id, ret := s.onWire(h.ID(phone)); id || ret {
			t.Error("the phone's id left after it was registered")
		}
		if _, ret := s.onWire(now); ret {
			t.Error("the phone's return id left after it was registered")
		}
		if _, ret := s.onWire(mustReturn(t, h, other)); !ret {
			t.Error("the other phone's return id did not arrive")
		}
		matched := 0
		for _, m := range s.forgets() {
			if f := m.e.GetForget(); f.Id == h.ID(phone) && f.ReturnIds[0] == now && f.ReturnIds[1] == before {
				matched++
			}
		}
		if got := len(s.forgets()); got != 2 || matched != 1 {
			t.Errorf("got %d Forgets and %d with the phone's id and return ids, want two and one", got, matched)
		}
		s.balanced()
	})
}

func mustReturn(t *testing.T, h *keys.Hasher, a hwaddr.Addr) uint64 {
	t.Helper()
	now, _, ok := h.ReturnIDs(a)
	if !ok {
		t.Fatal("no return ids")
	}
	return now
}
