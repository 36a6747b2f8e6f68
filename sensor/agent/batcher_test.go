package agent

import (
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/wire"
)

func TestBatchesEnd(t *testing.T) {
	for _, row := range []struct {
		name   string
		frames func(r *rig) []air
		kind   string
		want   []int // how many are in each batch
	}{
		{"at 4,096 sightings", func(r *rig) []air {
			var out []air
			for n := range 5000 {
				out = append(out, air{t: r.at("10:00:00") + int64(n)*1e6, addr: phone(n), dbm: -60})
			}
			return out
		}, "sightings", []int{4096, 904}},
		{"after a quarter of an hour of sightings", func(r *rig) []air {
			return []air{
				{t: r.at("10:00:00"), addr: phone(1), dbm: -60}, {t: r.at("10:14:59.999"), addr: phone(2), dbm: -60},
				{t: r.at("10:15:00"), addr: phone(3), dbm: -60}, {t: r.at("10:31:00"), addr: phone(3), dbm: -60},
			}
		}, "sightings", []int{2, 1, 1}},
		{"after 30 minutes of counters", func(r *rig) []air {
			return []air{{t: r.at("10:00:00"), addr: made(1), dbm: -60}, {t: r.at("10:44:59"), addr: made(2), dbm: -60}}
		}, "counters", []int{30, 15}},
		{"at a class epoch", func(r *rig) []air {
			return []air{{t: r.at("11:50:00"), addr: made(1), dbm: -60}, {t: r.at("12:09:59"), addr: made(2), dbm: -60}}
		}, "counters", []int{10, 10}},
		{"at an hour's heartbeat", func(r *rig) []air {
			var out []air
			for m := range int64(70) {
				out = append(out, air{t: r.at("10:00:00") + m*minuteNS, addr: phone(1), dbm: -60})
			}
			return out
		}, "counters", []int{30, 29, 11}},
		{"a list version", func(r *rig) []air { return nil }, "sightings", []int{1, 1, 1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			list := &fakeList{}
			r := newRig(t, func(r *rig) { r.deps.OptOuts = list })
			r.feed(row.frames(r)...)
			if row.name == "a list version" {
				for n := range int64(3) {
					list.put(phone(100 + int(n)))
					r.feed(air{t: r.at("10:00:00") + 10*n*secondNS, addr: phone(int(n)), dbm: -60}, air{t: r.at("10:00:05") + 10*n*secondNS, addr: made(1), dbm: -95})
				}
			}
			r.finish()
			var got []int
			for _, e := range r.sink.envelopes {
				if e.Kind() == row.kind {
					got = append(got, len(sightsOf(e))+len(minutesOf(e)))
				}
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("got batches of %d, want %d", got, row.want)
			}
			checkBatches(t, r)
		})
	}
}

func TestListVersions(t *testing.T) {
	list := &fakeList{version: 5}
	r := newRig(t, func(r *rig) { r.deps.OptOuts = list })
	r.feed(air{t: r.at("10:00:00"), addr: phone(1), dbm: -60}, air{t: r.at("10:00:03"), addr: phone(2), dbm: -60}, air{t: r.at("10:00:06"), addr: phone(3), dbm: -60})
	list.put(phone(9)) // 6
	r.feed(air{t: r.at("10:00:09"), addr: phone(2), dbm: -60}).finish()
	var got []uint64
	for _, e := range r.sink.envelopes {
		for range sightsOf(e) {
			got = append(got, e.Header.OptoutVersion)
		}
	}
	// The first two were released before the list changed; the third was still held and was looked up again.
	if want := []uint64{5, 5, 6, 6}; !slices.Equal(got, want) {
		t.Errorf("got sightings made under lists %d, want %d", got, want)
	}
	if r.hasher.tags[phone(3)] != 1 || r.hasher.tags[phone(1)] != 1 {
		t.Errorf("got %d and %d questions about the one whose burst was held and the one that was still near, want one each", r.hasher.tags[phone(3)], r.hasher.tags[phone(1)])
	}
	last := r.sink.envelopes[len(r.sink.envelopes)-1]
	if last.Header.OptoutVersion != 6 {
		t.Errorf("got list %d on the last heartbeat, want 6", last.Header.OptoutVersion)
	}
}

func TestHeartbeats(t *testing.T) {
	r := newRig(t, func(r *rig) { r.set.Hours = hours(t, map[string]string{"mon": "10:00-12:00"}) })
	type beat struct {
		at  string
		end bool
	}
	var frames []air
	for m := range int64(4 * 60) { // every minute from 08:30:10 to 12:29:10
		frames = append(frames, air{t: r.at("08:30:10") + m*minuteNS, addr: phone(1), dbm: -60})
	}
	r.feed(frames...).finish()
	var got []beat
	for _, e := range r.sink.envelopes {
		if h := e.GetHeartbeat(); h != nil {
			got = append(got, beat{time.UnixMilli(h.CaptureMs).In(r.set.Calendar.Location()).Format("15:04:05"), h.EndOfInput})
			if h.Software != "test" || e.Header.BaseMs != h.CaptureMs {
				t.Errorf("got a heartbeat of %q, base %d", h.Software, e.Header.BaseMs)
			}
		}
	}
	// Frames outside hours move it too. In hours it stands at the first minute that can still come.
	want := []beat{{"08:30:00", false}, {"09:30:00", false}, {"10:29:00", false}, {"11:29:00", false}, {"12:29:10", true}}
	if !slices.Equal(got, want) {
		t.Errorf("got heartbeats %v, want %v", got, want)
	}
	last := r.sink.envelopes[len(r.sink.envelopes)-1].GetHeartbeat()
	c := r.p.Counts()
	if last.Frames != 240 || last.Sightings != c.Sightings || last.Held != 0 || len(last.Drops) != 1 || last.Drops[0].Count != 120 {
		t.Errorf("got totals %v, want 240 frames, %d sightings and 120 closed_hours", last, c.Sightings)
	}
	checkBatches(t, r)
}

func TestAHeartbeatSaysWhatIsHeld(t *testing.T) {
	r := newRig(t, nil)
	r.feed(air{t: r.at("10:00:00"), addr: phone(1), dbm: -60}, air{t: r.at("10:59:59.5"), addr: phone(2), dbm: -60}, air{t: r.at("11:00:00"), addr: phone(3), dbm: -60})
	last := r.sink.envelopes[len(r.sink.envelopes)-1].GetHeartbeat()
	if last == nil || last.Held != 1 || last.CaptureMs != r.at("10:59:00")/1e6 {
		t.Fatalf("got %v, want a heartbeat with the one burst that is open, at the minute it began in", last)
	}
	r.finish()
	checkBatches(t, r)
}

func TestAnEmptyInputIsAHeartbeatOnly(t *testing.T) {
	r := newRig(t, nil).finish()
	if got := r.sink.kinds(); !slices.Equal(got, []string{"heartbeat"}) || !r.sink.envelopes[0].GetHeartbeat().EndOfInput {
		t.Errorf("got %v, want the last heartbeat", got)
	}
}

func TestNothingIsSentAfterAnError(t *testing.T) {
	sink := &fakeSink{t: t}
	b := newBatcher(&Settings{Store: "shop", Sensor: "door"}, sink)
	b.sighting(1, 1_768_200_000_000, 5)
	sink.err = wire.ErrUnknownKind
	b.flush(2202)
	sink.err = nil
	b.sighting(2, 1_768_200_000_000, 5)
	b.flush(2202)
	if len(sink.envelopes) != 0 || b.err == nil {
		t.Errorf("got %d envelopes after an error: one is missing between them", len(sink.envelopes))
	}
}
