package agent

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// phone is a stable address, made one that a phone made up.
func phone(n int) hwaddr.Addr {
	return hwaddr.Addr{0x00, 0x1b, 0x63, byte(n >> 16), byte(n >> 8), byte(n)}
}
func made(n int) hwaddr.Addr {
	return hwaddr.Addr{0x02, 0x77, 0x63, byte(n >> 16), byte(n >> 8), byte(n)}
}

func zone(t testing.TB, name string) calendar.Calendar {
	t.Helper()
	c, err := calendar.New(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// clock is a store-local time such as "2026-01-12 10:00:00.25" as Unix nanoseconds.
func clock(t testing.TB, c calendar.Calendar, text string) int64 {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04:05", text, c.Location())
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixNano()
}

func hours(t testing.TB, text map[string]string) stores.Hours {
	t.Helper()
	h, errs := stores.ParseHours(text)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return h
}

// elements are those of a phone model that asks for a network.
func elements(model byte, ssid string) []byte {
	out := append([]byte{0, byte(len(ssid))}, ssid...)
	out = append(out, 1, 4, 2, 4, 11, 22, 3, 1, model%13)
	return append(out, 221, 5, 0, 0x17, 0xf2, 10, model)
}

// air is a probe request on the air.
type air struct {
	t     int64
	addr  hwaddr.Addr
	dbm   int8
	mute  bool // the link header gives no signal strength
	model byte
	ssid  string
}

func (a air) record(t testing.TB) capture.Record {
	t.Helper()
	body := dot11.AppendProbeRequest(nil, a.addr, 1, elements(a.model, a.ssid))
	data, err := dot11.Append(nil, dot11.LinkRadiotap, dot11.Radio{RSSI: a.dbm, HasRSSI: !a.mute, FreqMHz: 2437}, body)
	if err != nil {
		t.Fatal(err)
	}
	return capture.Record{Time: a.t, Link: dot11.LinkRadiotap, Data: data, OrigLen: len(data)}
}

// rig is a pipeline with everything around it made up.
type rig struct {
	t       testing.TB
	set     Settings
	deps    Deps
	hasher  *fakeHasher
	sink    *fakeSink
	newDays []calendar.Day
	p       *Pipeline
}

// monday is the store-day of most tests.
const monday = "2026-01-12"

// newRig makes a standard, always open store in Berlin on monday; change may alter anything before the pipeline is made.
func newRig(t testing.TB, change func(*rig)) *rig {
	t.Helper()
	day, err := calendar.ParseDay(monday)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, sink: &fakeSink{t: t}, hasher: newFakeHasher(day)}
	r.set = Settings{
		Store: "shop", Sensor: "door", Zone: "floor", Boot: 7, Calendar: zone(t, "Europe/Berlin"),
		Policy: wire.Policy_POLICY_STANDARD, RSSIInside: -70, RSSIFloor: -90, Software: "test",
	}
	r.deps = Deps{Hasher: r.hasher, Sink: r.sink, NewDay: func(next calendar.Day) error {
		r.newDays = append(r.newDays, next)
		r.hasher.day = next
		return nil
	}}
	if change != nil {
		change(r)
	}
	r.p = NewPipeline(r.set, r.hasher.day, r.deps)
	return r
}

// at is a store-local time of monday, such as "10:00:00".
func (r *rig) at(text string) int64 { return clock(r.t, r.set.Calendar, monday+" "+text) }

func (r *rig) feed(frames ...air) *rig {
	r.t.Helper()
	for _, f := range frames {
		if err := r.p.Frame(f.record(r.t)); err != nil {
			r.t.Fatalf("a frame: %v", err)
		}
	}
	return r
}

func (r *rig) finish() *rig {
	r.t.Helper()
	if err := r.p.Finish(); err != nil {
		r.t.Fatalf("the end: %v", err)
	}
	conserves(r.t, r.p.Counts())
	return r
}

// conserves checks that what came in was kept or dropped, and every burst came to something.
func conserves(t testing.TB, c Counts) {
	t.Helper()
	sum := c.Kept
	for _, reason := range c.Reasons() {
		sum += reason.Count
	}
	if sum != c.Frames {
		t.Errorf("got %d frames kept or dropped, want all %d", sum, c.Frames)
	}
	if got := c.RandomBursts + c.WeakBursts + c.OutsideBursts + c.Sightings + c.CountedBursts + c.OptedOutBursts; got != c.Bursts {
		t.Errorf("got %d bursts by kind, want all %d", got, c.Bursts)
	}
}

// sight is a sighting as it arrived.
type sight struct {
	id   uint64
	ms   int64
	band uint8
}

func (s *fakeSink) sightings() []sight {
	var out []sight
	for _, e := range s.envelopes {
		out = append(out, sightsOf(e)...)
	}
	return out
}

func sightsOf(e *wire.Envelope) []sight {
	var out []sight
	var run wire.Run
	for runs := e.GetSightings().Runs(); runs.Next(&run); {
		ms := e.Header.BaseMs
		for i, d := range run.DeltasMS {
			ms += int64(d)
			out = append(out, sight{run.ID, ms, run.Bands[i]})
		}
	}
	return out
}

// minutes are all minutes that arrived, in their order; rows are cloned.
func (s *fakeSink) minutes() []wire.Minute {
	var out []wire.Minute
	for _, e := range s.envelopes {
		out = append(out, minutesOf(e)...)
	}
	return out
}

func minutesOf(e *wire.Envelope) []wire.Minute {
	var out []wire.Minute
	var m wire.Minute
	for minutes := e.GetCounters().Minutes(); minutes.Next(&m); {
		c := m
		c.Rows = append([]wire.CounterRow(nil), m.Rows...)
		out = append(out, c)
	}
	return out
}

// kinds are the envelopes' kinds, in their order.
func (s *fakeSink) kinds() []string {
	var out []string
	for _, e := range s.envelopes {
		out = append(out, e.Kind())
	}
	return out
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 11)) }
