package live

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/outbox/kept"
)

// TestAMorningWithRegistrationsOfTheNight is an extended store's box that had no power for three days, and starts before its network
// is up: its keys are of then, and the clock is not confirmed. What was registered meanwhile has its Forgets under today, so that the
// aggregator takes them, and the return ids of a device that was here are in one of them.
func TestAMorningWithRegistrationsOfTheNight(t *testing.T) {
	t.Parallel() // most of it is waiting
	const registered, away = 40, 3
	b := newBox(t, func(b *box) {
		b.clock.shift.Store(int64(-away * 24 * time.Hour))
		b.stores = strings.Replace(storesYAML, "policy: standard", "policy: extended\n    legal_basis: \"consent at the desk, A. Person, 2026-01-05\"", 1)
	})
	old := b.today()
	r := b.start()
	r.wait("the list on disk", func() bool {
		_, err := os.Stat(b.listFile())
		return err == nil
	})
	r.end()
	visit := kept.Visit{Tag: b.hasher.Tag(own(7)), IDs: [2]uint64{0x5e1d_0000_1111_2222, 0x5e1d_0000_3333_4444}}
	b.keeps(old, visit)
	for n := range registered {
		b.registers(byte(n+1), own(n))
	}
	b.clock.shift.Store(0)
	b.broker.Close()

	r = b.start()
	r.troubled("clock_unconfirmed", 1)
	b.startBroker()
	r.wait("the Forgets", func() bool { return len(b.forgets()) >= registered })
	r.until("footfall_sensor_sends_ids", 1)
	r.end()
	found := 0
	for _, e := range b.log(broker.Sightings) {
		f := e.GetForget()
		if f == nil {
			continue
		}
		if e.Header.StoreDay != int32(old+away) || f.ReturnPeriod != wire.ReturnPeriod(e.Header.StoreDay) {
			t.Errorf("got a Forget of store-day %d, want today's, %d", e.Header.StoreDay, old+away)
		}
		at := f.ReturnPeriod - wire.ReturnPeriod(int32(old)) // on a day in 28 or so the period has turned
		if f.ReturnIds[at] == visit.IDs[0] {
			found++
		}
	}
	if got := len(b.forgets()); got != registered || found != 1 {
		t.Errorf("got %d Forgets and %d with the return ids of the device that was here, want %d and 1", got, found, registered)
	}
	table, err := kept.Open(filepath.Join(b.dir, "state"))
	if err != nil || table.Len() != 0 {
		t.Errorf("got %d visits kept, %v, want none", table.Len(), err)
	}
}

// today is the store-day of the box's clock.
func (b *box) today() calendar.Day {
	b.t.Helper()
	cal, err := calendar.New("Europe/Berlin")
	if err != nil {
		b.t.Fatal(err)
	}
	return cal.DayOf(b.clock.wall())
}

// keeps has the box remember a visit of the day.
func (b *box) keeps(day calendar.Day, v kept.Visit) {
	b.t.Helper()
	state := filepath.Join(b.dir, "state")
	if err := os.MkdirAll(state, 0o700); err != nil {
		b.t.Fatal(err)
	}
	table, err := kept.Open(state)
	if err != nil {
		b.t.Fatal(err)
	}
	table.BeginDay(day)
	if !table.Note(day, v) {
		b.t.Fatal("the visit is refused")
	}
	if err := table.Save(); err != nil {
		b.t.Fatal(err)
	}
}

func TestHowSoonABrokerIsAskedAgain(t *testing.T) {
	for _, row := range []struct {
		name              string
		wanted, unreached bool
		want              time.Duration
	}{
		{"nobody waits for it", false, false, timeTrusted},
		{"nobody waits for it, and it was away", false, true, timeTrusted},
		{"it said another time than the clock, or none", true, false, timeWanted},
		{"it was away", true, true, 0},
	} {
		if got := timePause(row.wanted, row.unreached); got != row.want {
			t.Errorf("%s: got %v, want %v", row.name, got, row.want)
		}
	}
}

// TestABrokerThatIsAwayIsAskedAgain: what is no answer is told from an answer without a time.
func TestABrokerThatIsAwayIsAskedAgain(t *testing.T) {
	s, b := still(t)
	if !s.askTime() {
		t.Error("got no answer of a broker that is there, want one")
	}
	s.kafka = broker.Config{Brokers: []string{"127.0.0.1:1"}, ClientID: "test"}
	if s.askTime() {
		t.Error("got an answer of no broker, want none")
	}
	s.kafka = b.kafka()
}
