package agent

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/simulate"
)

func TestFramesWithinBurstsAllocateNothing(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*rig)
	}{
		{"standard", nil},
		{"count only", func(r *rig) { r.set.Policy = wire.Policy_POLICY_COUNT_ONLY }},
		{"with a list and the shop's devices", func(r *rig) {
			l := &fakeList{}
			l.put(phone(999))
			r.deps.OptOuts, r.deps.excluded = l, map[hwaddr.Addr]struct{}{phone(998): {}}
		}},
		{"with opening hours", func(r *rig) { r.set.Hours = hours(r.t, map[string]string{"mon": "09:00-18:00"}) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, row.change)
			var records []capture.Record
			start := r.at("10:00:00")
			for n := range 50 {
				records = append(records, air{t: start, addr: phone(n), dbm: -60}.record(t), air{t: start, addr: made(n), dbm: -80, model: byte(n)}.record(t))
			}
			tick := func() {
				for i := range records {
					records[i].Time += 5e6
					if err := r.p.Frame(records[i]); err != nil {
						t.Fatal(err)
					}
				}
			}
			tick()
			if got := testing.AllocsPerRun(100, tick); got != 0 {
				t.Errorf("got %v allocations in %d frames, want none", got, len(records))
			}
		})
	}
}

func TestDroppedFramesAllocateNothing(t *testing.T) {
	r := newRig(t, func(r *rig) {
		state, err := keys.Throwaway(r.hasher.day, rand.NewChaCha8([32]byte{4}))
		if err != nil {
			t.Fatal(err)
		}
		h := state.Hasher()
		r.deps.Hasher = h
		r.deps.OptOuts = &fakeList{tags: map[uint32]bool{h.Tag(phone(1)): true}, version: 1}
		r.set.Hours = hours(t, map[string]string{"mon": "09:00-18:00"})
	})
	for name, f := range map[string]air{"opted out": {addr: phone(1)}, "a group address": {addr: hwaddr.Addr{1}}, "no strength": {addr: made(1), mute: true}} {
		f.t = r.at("10:00:00")
		rec := f.record(t)
		if err := r.p.Frame(rec); err != nil {
			t.Fatal(err)
		}
		if got := testing.AllocsPerRun(100, func() {
			if err := r.p.Frame(rec); err != nil {
				t.Fatal(err)
			}
		}); got != 0 {
			t.Errorf("%s: got %v allocations a frame, want none", name, got)
		}
	}
}

// simulatedDay is a busy store's day as a capture.
func simulatedDay(tb testing.TB) (stores.Store, calendar.Day, []byte) {
	tb.Helper()
	list, err := stores.Parse([]byte("stores: [{id: corner, time_zone: Europe/Berlin, hours: {mon-sat: '09:00-20:00'}, zones: [{id: floor, sensors: [{id: one}]}]}]"))
	if err != nil {
		tb.Fatal(err)
	}
	day, err := calendar.ParseDay(monday)
	if err != nil {
		tb.Fatal(err)
	}
	cfg := simulate.Default(list[0], day)
	cfg.Days = 1
	var out bytes.Buffer
	if _, err := simulate.Run(context.Background(), cfg, func(calendar.Day) (io.WriteCloser, error) { return closing{&out}, nil }, nil); err != nil {
		tb.Fatal(err)
	}
	return list[0], day, out.Bytes()
}

type closing struct{ io.Writer }

func (closing) Close() error { return nil }

// records reads a whole capture into memory.
func records(tb testing.TB, raw []byte) []capture.Record {
	tb.Helper()
	in, err := capture.NewReader(bytes.NewReader(raw))
	if err != nil {
		tb.Fatal(err)
	}
	var out []capture.Record
	for {
		rec, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			tb.Fatal(err)
		}
		rec.Data = bytes.Clone(rec.Data)
		out = append(out, rec)
	}
}

// dayRig is a rig with real keys in the simulated store.
func dayRig(tb testing.TB, store stores.Store, day calendar.Day) *Pipeline {
	tb.Helper()
	state, err := keys.Throwaway(day, rand.NewChaCha8([32]byte{4}))
	if err != nil {
		tb.Fatal(err)
	}
	r := newRig(tb, func(r *rig) {
		r.set.Calendar, r.set.Hours = store.Calendar, store.Hours
		r.deps.Hasher, r.deps.Sink = state.Hasher(), nowhere{}
		r.deps.NewDay = func(next calendar.Day) error {
			if err := state.Advance(next); err != nil {
				return err
			}
			r.p.SetHasher(state.Hasher())
			return nil
		}
	})
	return r.p
}

func TestASimulatedDay(t *testing.T) {
	store, day, raw := simulatedDay(t)
	p := dayRig(t, store, day)
	for _, rec := range records(t, raw) {
		if err := p.Frame(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Finish(); err != nil {
		t.Fatal(err)
	}
	c := p.Counts()
	conserves(t, c)
	if c.Sightings == 0 || c.RandomBursts == 0 || c.PassersBy == 0 || c.Drops[DropClosed] == 0 || c.Parse[dot11.DropBadFCS] != 0 || c.HeldBursts != 0 {
		t.Errorf("got %+v of a simulated day", c)
	}
	if what := holdsAddresses(p); len(what) > 0 {
		t.Errorf("in the end there is %v", what)
	}
}

func BenchmarkFrameOfASimulatedDay(b *testing.B) {
	store, day, raw := simulatedDay(b)
	frames := records(b, raw)
	b.ReportAllocs()
	for b.Loop() {
		p := dayRig(b, store, day)
		for i := range frames {
			if err := p.Frame(frames[i]); err != nil {
				b.Fatal(err)
			}
		}
		if err := p.Finish(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(frames))*float64(b.N)/b.Elapsed().Seconds(), "frames/s")
}

func BenchmarkReadAndFrameOfASimulatedDay(b *testing.B) {
	store, day, raw := simulatedDay(b)
	frames := len(records(b, raw))
	for b.Loop() {
		p := dayRig(b, store, day)
		in, err := capture.NewReader(bytes.NewReader(raw))
		if err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(p.read(context.Background(), in, nil), p.Finish()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(frames)*float64(b.N)/b.Elapsed().Seconds(), "frames/s")
}

func BenchmarkFrameWithinBursts(b *testing.B) {
	r := newRig(b, nil)
	var list []capture.Record
	for n := range 100 {
		list = append(list, air{addr: made(n), dbm: -60, model: byte(n)}.record(b))
	}
	t, n := r.at("10:00:00"), 0
	b.ReportAllocs()
	for b.Loop() {
		rec := list[n%len(list)]
		t += 200e3
		n++
		rec.Time = t
		if err := r.p.Frame(rec); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "frames/s")
}

// FuzzFrame: whatever the air, the steps account for every frame and send nothing that the wire refuses.
func FuzzFrame(f *testing.F) {
	f.Add(uint64(1), []byte{1, 0, 0, 60, 2, 10, 0, 80})
	f.Add(uint64(2), bytes.Repeat([]byte{3, 200, 7, 60}, 40))
	f.Add(uint64(3), []byte("a frame of nothing in particular"))
	f.Fuzz(func(t *testing.T, seed uint64, raw []byte) {
		r := newRig(t, nil)
		now := r.at("09:00:00") + int64(seed%uint64(48*time.Hour))
		for len(raw) >= 4 {
			addr := hwaddr.Addr{raw[0] & 0x0f, 1, 2, 3, 4, raw[0] >> 4}
			now += int64(raw[1])*int64(raw[2])*100e6 - int64(raw[2]&1)*5e8
			rec := air{t: now, addr: addr, dbm: -int8(raw[3] & 127), model: raw[2]}.record(t)
			if raw[3] > 200 {
				rec.Data = raw
			}
			if err := r.p.Frame(rec); err != nil {
				return // older than the keys
			}
			raw = raw[4:]
		}
		r.finish()
		if got := uint64(len(r.sink.sightings())); got != r.p.Counts().Sightings {
			t.Errorf("got %d sightings on the wire, want %d", got, r.p.Counts().Sightings)
		}
	})
}
