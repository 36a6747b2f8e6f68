package live

import (
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
)

const (
	// stateEvery is how often a sensor says where it stands when nothing changes. Who is silent for three of them is offline.
	stateEvery = time.Minute
	// stateNews is how soon after the one before a state tells of another reason to fail closed, or of another trouble.
	stateNews = 5 * time.Second
	// stateList is the same for another opt-out list: somebody stands at a page and waits.
	stateList = 500 * time.Millisecond

	statePauseMin = 500 * time.Millisecond
	statePauseMax = 10 * time.Second // while Kafka is away
	// stateRefusedMax is the longest pause where Kafka refuses: a person has to act, and each attempt costs the outbox its connection.
	stateRefusedMax = 5 * time.Minute
)

// states says on the topic of sensors what this sensor enforces and works under: the opt-out service may not read the topic of ids,
// where the ordinary heartbeats are. Only the newest state matters, so none is spooled and one that waits gives way to the next.
type states struct {
	boot uint64
	next chan *wire.Envelope // of one: the newest state, until it is taken
	said uint64              // states so far: their sequence

	// Of the last one; the loop's own.
	at              time.Time
	version         uint64
	closed, trouble []string
}

func newStates(boot uint64) states { return states{boot: boot, next: make(chan *wire.Envelope, 1)} }

// due reports whether there is something to say.
func (s *states) due(now time.Time, version uint64, closed, trouble []string) bool {
	since := now.Sub(s.at)
	switch {
	case s.at.IsZero(), since >= stateEvery:
		return true
	case version != s.version:
		return since >= stateList
	case !slices.Equal(closed, s.closed), !slices.Equal(trouble, s.trouble):
		return since >= stateNews
	}
	return false
}

// put replaces a state that nobody took yet. There is one caller, the loop, and so it never waits.
func (s *states) put(e *wire.Envelope) {
	select {
	case <-s.next:
	default:
	}
	s.next <- e
}

// sayState hands on where the sensor stands, where that is due. closed is why ids may not leave now.
func (s *sensor) sayState(now time.Time, closed []string) {
	version := s.list.Version()
	trouble, _ := s.board.Now()
	if !s.states.due(now, version, closed, trouble) {
		return
	}
	s.states.at, s.states.version, s.states.closed, s.states.trouble = now, version, closed, trouble
	s.states.put(s.state(version, closed, trouble))
	s.states.said++
}

// state is made by the version that was asked for first: a list that joined meanwhile is said by the next.
func (s *sensor) state(version uint64, closed, trouble []string) *wire.Envelope {
	made := s.estimate()
	held := s.outbox.Stats()
	return &wire.Envelope{
		Header: &wire.Header{
			Store: s.site.Store, Sensor: s.site.Sensor, Zone: s.site.Zone, Boot: s.states.boot, Sequence: s.states.said,
			StoreDay: int32(s.site.Calendar.DayOf(made)), BaseMs: made.UnixMilli(), OptoutVersion: version, Policy: s.site.Policy,
		},
		// capture_ms stays 0: what follows from this boot is said where it follows, on the topics of ids and counters.
		Body: &wire.Envelope_Heartbeat{Heartbeat: &wire.Heartbeat{
			MadeMs: made.UnixMilli(), FailClosed: closed, Trouble: trouble, OptoutAgeS: int64(s.listAge() / time.Second), Software: s.o.Software,
			SpoolBytes: uint64(held.Bytes), SpoolOldestMs: held.OldestTimeMS, SpoolLost: held.Lost, Settings: s.settings(),
		}},
	}
}

func (s *sensor) settings() *wire.Settings {
	seconds := func(d time.Duration) uint32 { return uint32(d / time.Second) }
	return &wire.Settings{
		SpoolIdAgeS: seconds(s.cfg.Spool.IDAge), OptoutMaxAgeS: seconds(agent.OptOutMaxAge), SealAfterS: seconds(s.site.SealAfter),
		InsideDbm: int32(*s.cfg.RSSIInside), FloorDbm: int32(*s.cfg.RSSIFloor), Hours: s.site.Hours.String(), TimeZone: s.site.TimeZone,
		ReturnEpsilon: s.site.ReturnEpsilon, KeysDay: int32(s.keys.Day()),
		OptoutKeyCheck: s.keys.OptOutCheck(),
	}
}

// sendStates gives each state to Kafka, until the sensor ends. It works beside the outbox and disturbs nothing: where the topic is
// missing or refused, the sensor counts and sends as ever.
func (s *sensor) sendStates() error {
	for {
		select {
		case <-s.side.Done():
			return nil
		case e := <-s.states.next:
			s.insist(e)
		}
	}
}

// insist repeats until Kafka has the state, or a newer one.
func (s *sensor) insist(e *wire.Envelope) {
	pause := time.Duration(0)
	for err := s.sendState(e); err != nil && s.side.Err() == nil; err = s.sendState(e) {
		if pause == 0 {
			s.o.Log.Warn("kafka does not take what this sensor says of itself, so the opt-out page counts it as offline; nothing else is lost", "topic", broker.Sensors, "reason", broker.Reason(err), "error", err)
		}
		pause = longer(pause, err)
		e = s.newest(e, pause)
	}
	if pause > 0 && s.side.Err() == nil {
		s.o.Log.Info("kafka takes what this sensor says of itself again", "topic", broker.Sensors)
	}
}

// sendState makes one attempt. What no broker will ever take is logged and forgotten.
func (s *sensor) sendState(e *wire.Envelope) error {
	key := []byte(s.site.Store + "/" + s.site.Sensor) // which also lets Kafka keep the newest of each sensor alone
	raw, err := wire.Encode(e)
	if err == nil {
		err = s.sender.Publish(s.side, broker.Sensors, key, [][]byte{raw})
	}
	var ours *wire.InvalidError
	outcome := broker.OutcomeOf(broker.Reason(err))
	if err == nil || !errors.As(err, &ours) && outcome != broker.Invalid && outcome != broker.TooLarge {
		return err
	}
	s.o.Log.Error("what this sensor says of itself cannot be sent; update it if this repeats", "error", err)
	return nil
}

// longer is the pause after another failure.
func longer(pause time.Duration, err error) time.Duration {
	most := statePauseMax
	if broker.OutcomeOf(broker.Reason(err)) == broker.Refused {
		most = stateRefusedMax
	}
	return min(most, max(statePauseMin, 2*pause))
}

// newest waits and returns the state to send then. The second half of the pause is drawn, so that a chain's sensors do not return
// to a broker together.
func (s *sensor) newest(e *wire.Envelope, pause time.Duration) *wire.Envelope {
	timer := time.NewTimer(pause/2 + rand.N(pause/2))
	defer timer.Stop()
	select {
	case <-s.side.Done():
	case <-timer.C:
	}
	select {
	case newer := <-s.states.next:
		return newer
	default:
		return e
	}
}
