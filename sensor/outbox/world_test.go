package outbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/spool"
	"github.com/openfootfall/footfall/ingest/wire"
)

// world is an outbox with a real spool, between fakes that the test moves.
type world struct {
	t        *testing.T
	dir      string
	opt      Options
	spool    *spool.Spool
	registry *prometheus.Registry
	kafka    *kafka
	list     *list
	box      *Outbox
	cal      calendar.Calendar
	begun    time.Time
	offset   time.Duration // of the wall clock, from the bubble's
	trusted  bool
	mu       sync.Mutex
	troubles map[string]bool
	raised   map[string]int
}

const tagMask = 1<<28 - 1

// tagOf is the opt-out tag of an id in these tests.
func tagOf(id uint64) uint32 { return uint32(id*2654435761) & tagMask }

// newWorld stands at 10:00 of a store-day in Berlin, whatever the bubble's clock says, with a confirmed list.
func newWorld(t *testing.T, edit func(*Options)) *world {
	t.Helper()
	cal, err := calendar.New("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, dir: t.TempDir(), cal: cal, begun: time.Now(), trusted: true, troubles: map[string]bool{}, raised: map[string]int{},
		kafka: &kafka{t: t, seen: map[[2]uint64][]byte{}}, list: &list{tags: map[uint32]bool{}, version: 7},
	}
	w.offset = time.Until(time.Date(2026, 3, 3, 10, 0, 0, 0, cal.Location()))
	w.opt = Options{
		Store: "street", Sensor: "door", Zone: "hall", Boot: 1, Policy: wire.Policy_POLICY_STANDARD, Calendar: cal, SealAfter: 4 * time.Hour,
		Publisher: w.kafka, List: w.list, Now: w.now, Elapsed: func() time.Duration { return time.Since(w.begun) },
		Trusted: func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.trusted },
		Reason:  func(err error) string { return err.Error() },
		OnTrouble: func(name string, on bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.troubles[name] = on; on {
				w.raised[name]++
			}
		},
	}
	if edit != nil {
		edit(&w.opt)
	}
	w.open()
	w.confirm()
	return w
}

// open starts the outbox on what the folder holds.
func (w *world) open() {
	w.t.Helper()
	w.openOn(w.cal.DayOf(w.now()))
}

// openOn does so with keys of the day.
func (w *world) openOn(day calendar.Day) {
	w.t.Helper()
	var err error
	w.registry = prometheus.NewRegistry()
	if w.spool, _, err = spool.Open(spool.Options{Dir: w.dir}); err != nil {
		w.t.Fatal(err)
	}
	w.opt.Spool, w.opt.Registerer = w.spool, w.registry
	if w.box, err = New(w.opt); err != nil {
		w.t.Fatal(err)
	}
	w.box.NewDay(day)
}

// restart is a new start of the sensor: a new boot, nothing in memory, nothing confirmed.
func (w *world) restart() {
	w.t.Helper()
	if err := w.spool.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.opt.Boot++
	w.open()
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.offset).Round(0)
}

func (w *world) step(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.offset += by
}

func (w *world) trust(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trusted = yes
}

func (w *world) trouble(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.troubles[name]
}

// confirm lets a little time pass, because a confirmation is told from the one before by its time.
func (w *world) confirm() {
	time.Sleep(time.Millisecond)
	w.list.confirm()
}

// sights sends one batch in which each id was heard once a second from now on, and says so to Heard.
func (w *world) sights(ids ...uint64) { w.sightsAt(w.now(), ids...) }

func (w *world) sightsAt(at time.Time, ids ...uint64) {
	var b wire.SightingsBuilder
	for i, id := range ids {
		w.box.Heard(id, tagOf(id))
		b.Add(id, at.UnixMilli()+int64(i)*1000, 3)
	}
	s, base := b.Build()
	w.send(&wire.Envelope{Header: w.header(base), Body: &wire.Envelope_Sightings{Sightings: s}})
}

func (w *world) header(base int64) *wire.Header {
	policy := wire.Policy_POLICY_STANDARD
	if w.opt.Policy == wire.Policy_POLICY_EXTENDED {
		policy = w.opt.Policy
	}
	return &wire.Header{
		Store: "street", Sensor: "door", Zone: "hall", StoreDay: int32(w.cal.DayOf(time.UnixMilli(base))), BaseMs: base,
		OptoutVersion: w.list.Version(), Policy: policy,
	}
}

func (w *world) counters() {
	var b wire.CountersBuilder
	minute := w.now().Unix() / 60
	b.Add(wire.Minute{Minute: minute, ListenedS: 60})
	h := w.header(minute * 60_000)
	h.ClassEpoch = w.cal.ClassEpoch(time.Unix(minute*60, 0))
	w.send(&wire.Envelope{Header: h, Body: &wire.Envelope_Counters{Counters: b.Build()}})
}

func (w *world) heartbeat() {
	ms := w.now().UnixMilli()
	w.send(&wire.Envelope{Header: w.header(ms), Body: &wire.Envelope_Heartbeat{Heartbeat: &wire.Heartbeat{CaptureMs: ms}}})
}

func (w *world) forget(id uint64) {
	w.send(&wire.Envelope{Header: w.header(w.now().UnixMilli()), Body: &wire.Envelope_Forget{Forget: &wire.Forget{Id: id}}})
}

func (w *world) send(e *wire.Envelope) {
	w.t.Helper()
	if err := w.box.Send(topicOf(kindOf(e)), e); err != nil {
		w.t.Errorf("send: %v", err)
	}
}

// run runs the outbox for a while.
func (w *world) run(d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	if err := w.box.Run(ctx); err != nil {
		w.t.Errorf("run: %v", err)
	}
}

func (w *world) sync() {
	w.t.Helper()
	if err := w.box.Sync(); err != nil {
		w.t.Errorf("sync: %v", err)
	}
}

// arrived lists the kinds that Kafka has, in order.
func (w *world) arrived() (kinds []string) {
	for _, m := range w.kafka.stored() {
		kinds = append(kinds, m.e.Kind())
	}
	return kinds
}

// ids lists the distinct ids that Kafka has.
func (w *world) ids() []uint64 {
	ids := map[uint64]bool{}
	for _, m := range w.kafka.stored() {
		for _, id := range m.e.GetSightings().GetIds() {
			ids[id] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// rolled is the largest count of each quarter that Kafka has.
func (w *world) rolled() map[int64]uint32 {
	counts := map[int64]uint32{}
	for _, m := range w.kafka.stored() {
		for q := range m.e.GetRollup().Quarters() {
			counts[q.Quarter] = max(counts[q.Quarter], q.Devices)
		}
	}
	return counts
}

// causes counts the rollups by their cause.
func (w *world) causes() map[wire.Rollup_Cause]int {
	counts := map[wire.Rollup_Cause]int{}
	for _, m := range w.kafka.stored() {
		if r := m.e.GetRollup(); r != nil {
			counts[r.Cause]++
		}
	}
	return counts
}

// onDisk says which of the ids stand somewhere in the spool's folder.
func (w *world) onDisk(ids ...uint64) (found []uint64) {
	w.t.Helper()
	var all []byte
	files, err := filepath.Glob(filepath.Join(w.dir, "*"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, raw...)
	}
	for _, id := range ids {
		if bytes.Contains(all, binary.LittleEndian.AppendUint64(nil, id)) {
			found = append(found, id)
		}
	}
	return found
}

func (w *world) messages(outcome string) int {
	return w.metric("footfall_outbox_messages_total", outcome)
}

func (w *world) sightings(outcome string) int {
	return w.metric("footfall_outbox_sightings_total", outcome)
}

// metric is the value of a metric that has one label, or none.
func (w *world) metric(name, label string) int {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && (len(m.GetLabel()) == 0 || m.GetLabel()[0].GetValue() == label) {
				return int(m.GetCounter().GetValue() + m.GetGauge().GetValue())
			}
		}
	}
	w.t.Fatalf("there is no metric %s of %s", name, label)
	return 0
}

// balanced checks that everything that came in went out or waits.
func (w *world) balanced() {
	w.t.Helper()
	w.sync()
	stats := w.box.Stats()
	in := w.messages(outAccepted) + w.messages(outRecovered) + w.messages(outMade)
	out := 0
	for _, o := range []string{outSent, outRolled, outEmptied, outExpired, outBroken, outForeign, outTooLarge, outInvalid, outLost} {
		out += w.messages(o)
	}
	if in != out+stats.Messages {
		w.t.Errorf("got %d messages in, want %d out + %d that wait", in, out, stats.Messages)
	}
	in = w.sightings(outAccepted) + w.sightings(outRecovered)
	out = w.sightings(outSent) + w.sightings(outRolled) + w.sightings(outRemoved) + w.sightings(outLost)
	if in != out+int(stats.Sightings) {
		w.t.Errorf("got %d sightings in, want %d out + %d that wait", in, out, stats.Sightings)
	}
}

// id makes an id that is not found among other bytes by chance.
func id(n int) uint64 { return 0xA5C3_7E19_0000_0000 ^ uint64(n)*0x9E37_79B9_7F4A_7C15 }

func ids(from, to int) (list []uint64) {
	for n := from; n < to; n++ {
		list = append(list, id(n))
	}
	return list
}

func equal[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
