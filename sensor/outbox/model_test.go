package outbox

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openfootfall/footfall/ingest/wire"
)

// sighting names one as the aggregator does.
type sighting struct {
	id uint64
	ms int64
}

// model moves a world at random and remembers what it accepted.
type model struct {
	*world
	rnd      *rand.Rand
	accepted map[sighting]bool // true: a power cut may have taken it
	unsynced []sighting
	next     int
}

func TestModel(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playModel(t, rand.New(rand.NewPCG(seed, 4))) })
		})
	}
}

func playModel(t *testing.T, rnd *rand.Rand) {
	m := &model{world: newWorld(t, nil), rnd: rnd, accepted: map[sighting]bool{}}
	m.weather()
	for range 400 {
		m.move()
	}
	m.trust(true)
	m.kafka.set(m.judge(nil))
	for range 3 {
		m.confirm()
		m.run(2 * time.Minute)
	}
	if got := m.box.Stats(); got.Messages != 0 || got.Sightings != 0 {
		t.Errorf("got %d messages that wait, want none", got.Messages)
	}
	m.balanced()
	m.check()
}

func (m *model) move() {
	switch n := m.rnd.IntN(100); {
	case n < 35:
		m.group()
	case n < 45:
		m.counters()
	case n < 50:
		m.heartbeat()
	case n < 52:
		m.forget(id(m.rnd.IntN(100)))
	case n < 65:
		m.run(time.Duration(m.rnd.IntN(5000)) * time.Millisecond)
	case n < 75:
		m.confirm()
	case n < 82:
		m.weather()
	case n < 85:
		m.joins(tagOf(id(m.rnd.IntN(200))))
	case n < 92:
		m.sync()
		m.unsynced = nil
	case n < 95:
		m.run(time.Duration(m.rnd.IntN(90)) * time.Minute)
		m.turnDay()
	case n < 96:
		m.trust(m.rnd.IntN(3) > 0)
	case n < 98:
		m.balanced()
		m.unsynced = nil
		m.restart()
	default:
		m.crash()
	}
}

// group is a batch of phones that are not on the list of now.
func (m *model) group() {
	var b wire.SightingsBuilder
	at := m.now().UnixMilli()
	for range 1 + m.rnd.IntN(6) {
		x := id(m.rnd.IntN(200))
		if m.list.Has(tagOf(x)) {
			continue
		}
		m.next++
		s := sighting{x, at + int64(m.next%1000)}
		if _, twice := m.accepted[s]; twice {
			continue
		}
		m.box.Heard(x, tagOf(x))
		b.Add(s.id, s.ms, 4)
		m.accepted[s] = false
		m.unsynced = append(m.unsynced, s)
	}
	if b.Len() == 0 {
		return
	}
	s, base := b.Build()
	m.send(&wire.Envelope{Header: m.header(base), Body: &wire.Envelope_Sightings{Sightings: s}})
}

// weather changes what Kafka does.
func (m *model) weather() {
	errs := []error{nil, nil, errDown, errUnknown, errRights, errUnknown}
	m.kafka.set(m.judge(errs[m.rnd.IntN(len(errs))]))
	m.trust(true)
}

// judge answers attempts, and looks at each as the last one who could.
func (m *model) judge(err error) func(string, [][]byte) error {
	return func(_ string, values [][]byte) error {
		for _, v := range values {
			e, derr := wire.Decode(v)
			if derr != nil || e.GetSightings() == nil {
				continue
			}
			if age := m.now().UnixMilli() - e.Header.BaseMs; age > m.box.opt.IDAge.Milliseconds() {
				m.t.Errorf("ids of %v ago are sent", time.Duration(age)*time.Millisecond)
			}
			if day := m.cal.End(m.cal.DayOf(time.UnixMilli(e.Header.BaseMs))).Add(m.opt.SealAfter); m.now().After(day) {
				m.t.Error("ids of a sealed day are sent")
			}
			if !m.opt.Trusted() {
				m.t.Error("ids are sent by a clock that is not trusted")
			}
			for _, x := range e.GetSightings().GetIds() {
				if m.list.Has(tagOf(x)) {
					m.t.Error("an id that is listed is sent")
				}
			}
		}
		return err
	}
}

func (m *model) turnDay() { m.box.NewDay(m.cal.DayOf(m.now())) }

// crash goes on with a copy of what was synced.
func (m *model) crash() {
	for _, s := range m.unsynced {
		m.accepted[s] = true
	}
	m.unsynced = nil
	copied := m.t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(m.dir)); err != nil {
		m.t.Fatal(err)
	}
	if err := m.spool.Close(); err != nil {
		m.t.Fatal(err)
	}
	m.dir = copied
	m.opt.Boot++
	m.open()
}

// check accounts for every sighting that was accepted.
func (m *model) check() {
	arrived := map[sighting]bool{}
	for _, s := range m.kafka.stored() {
		var run wire.Run
		for runs := s.e.GetSightings().Runs(); runs.Next(&run); {
			at := s.e.Header.GetBaseMs()
			for _, delta := range run.DeltasMS {
				at += int64(delta)
				arrived[sighting{run.ID, at}] = true
			}
		}
	}
	rolled := m.rolled()
	counts := map[string]int{}
	for s, cut := range m.accepted {
		switch {
		case arrived[s]:
			counts["arrived"]++
		case m.list.Has(tagOf(s.id)):
			counts["removed"]++
		case rolled[s.ms/quarterMS] > 0:
			counts["rolled"]++
		case cut:
			counts["cut"]++
		default:
			m.t.Errorf("a sighting of %v is gone", time.UnixMilli(s.ms))
		}
		delete(arrived, s)
	}
	if len(arrived) > 0 {
		m.t.Errorf("%d sightings arrived that nobody made", len(arrived))
	}
	if len(m.accepted) < 100 {
		m.t.Errorf("got %d sightings %v, want a game worth playing", len(m.accepted), counts)
	}
	m.t.Log(counts)
}
