package agent

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

func TestDropsByReason(t *testing.T) {
	group := hwaddr.Addr{1, 0, 0x5e, 0, 0, 1}
	good := air{addr: phone(1), dbm: -60}
	for _, row := range []struct {
		name   string
		change func(*rig)
		frames func(r *rig) []air
		want   string // reason, or kept
	}{
		{"kept", nil, func(r *rig) []air { return []air{good} }, "kept"},
		{"before 2000", nil, func(*rig) []air { f := good; f.t = minTime - 1; return []air{f} }, "bad_time"},
		{"after 2100", nil, func(*rig) []air { f := good; f.t = maxTime + 1; return []air{f} }, "bad_time"},
		{"no time", nil, func(*rig) []air { f := good; f.t = -1; return []air{f} }, "bad_time"},
		{"a group address", nil, func(*rig) []air { return []air{{addr: group, dbm: -60}} }, "group_source"},
		{"a random group address", nil, func(*rig) []air { return []air{{addr: hwaddr.Addr{3, 1, 1, 1, 1, 1}, dbm: -60}} }, "group_source"},
		{"closed", func(r *rig) { r.set.Hours = hours(t, map[string]string{"mon": "11:00-12:00"}) }, func(*rig) []air { return []air{good} }, "closed_hours"},
		{"excluded", func(r *rig) { r.deps.excluded = map[hwaddr.Addr]struct{}{phone(1): {}} }, func(*rig) []air { return []air{good} }, "excluded"},
		{"excluded others", func(r *rig) { r.deps.excluded = map[hwaddr.Addr]struct{}{phone(2): {}} }, func(*rig) []air { return []air{good} }, "kept"},
		{"opted out", func(r *rig) { l := &fakeList{}; l.put(phone(1)); r.deps.OptOuts = l }, func(*rig) []air { return []air{good} }, "opted_out"},
		{"others opted out", func(r *rig) { l := &fakeList{}; l.put(phone(2)); r.deps.OptOuts = l }, func(*rig) []air { return []air{good} }, "kept"},
		{"an empty list", func(r *rig) { r.deps.OptOuts = &fakeList{version: 3} }, func(*rig) []air { return []air{good} }, "kept"},
		{"no strength", nil, func(*rig) []air { return []air{{addr: phone(1), mute: true}} }, "no_rssi"},
		{"no strength is inside", func(r *rig) { r.set.NoRSSIInside = true }, func(*rig) []air { return []air{{addr: phone(1), mute: true}} }, "kept"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, row.change)
			for _, f := range row.frames(r) {
				if f.t == 0 {
					f.t = r.at("10:00:00")
				}
				r.feed(f)
			}
			r.finish()
			c := r.p.Counts()
			got := "kept"
			if reasons := c.Reasons(); len(reasons) > 0 {
				got = reasons[0].Name
			} else if c.Kept != 1 {
				t.Error("neither kept nor dropped")
			}
			if got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
			if row.want != "kept" && (len(r.sink.sightings()) > 0 || len(r.sink.minutes()) > 0 || r.hasher.classes+len(r.hasher.ids) > 0) {
				t.Error("something of a dropped frame was made or sent")
			}
			beat := r.sink.envelopes[len(r.sink.envelopes)-1].GetHeartbeat()
			if row.want == "opted_out" || row.want == "excluded" { // that is nobody's business
				if len(beat.Drops) != 0 {
					t.Errorf("got drops %v in the heartbeat, want none", beat.Drops)
				}
			} else if row.want != "kept" && (len(beat.Drops) != 1 || beat.Drops[0].Reason != row.want || beat.Drops[0].Count != 1) {
				t.Errorf("got drops %v in the heartbeat, want one %s", beat.Drops, row.want)
			}
		})
	}
}

func TestFramesThatAreNotReadWell(t *testing.T) {
	r := newRig(t, nil)
	good := air{t: r.at("10:00:00"), addr: phone(1), dbm: -60}.record(t)
	for _, row := range []struct {
		name string
		rec  capture.Record
		want dot11.Drop
	}{
		{"another link type", capture.Record{Time: good.Time, Link: 1, Data: good.Data}, dot11.DropLinkUnsupported},
		{"a cut frame", capture.Record{Time: good.Time, Link: good.Link, Data: good.Data, OrigLen: len(good.Data) + 9}, dot11.DropTruncated},
		{"no bytes", capture.Record{Time: good.Time, Link: good.Link}, dot11.DropLinkHeader},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := r.p.Counts()
			if err := r.p.Frame(row.rec); err != nil {
				t.Fatal(err)
			}
			after := r.p.Counts()
			if got := after.Parse[row.want] - before.Parse[row.want]; got != 1 || after.Kept != before.Kept {
				t.Errorf("got %d more %s, want one", got, row.want)
			}
			conserves(t, after)
		})
	}
}

func TestLateFramesCountAsOfNowAndLaterOnesNot(t *testing.T) {
	for _, row := range []struct {
		name string
		late time.Duration
		kept uint64
	}{{"on time", 0, 2}, {"half a second", time.Second / 2, 2}, {"a second", time.Second, 2}, {"more", time.Second + 1, 1}, {"an hour", time.Hour, 1}} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, nil)
			now := r.at("10:00:00.25")
			r.feed(air{t: now, addr: phone(1), dbm: -60}, air{t: now - int64(row.late), addr: phone(2), dbm: -60}).finish()
			c := r.p.Counts()
			if c.Kept != row.kept || c.Drops[DropOutOfOrder] != 2-row.kept {
				t.Errorf("got %d kept and %d out of order, want %d kept", c.Kept, c.Drops[DropOutOfOrder], row.kept)
			}
			for _, s := range r.sink.sightings() {
				if s.ms != now/1e6 {
					t.Errorf("got a sighting at %d, want it at %d", s.ms, now/1e6)
				}
			}
			if r.p.now != now {
				t.Errorf("got the clock at %v", time.Unix(0, r.p.now))
			}
		})
	}
}

// holdsAddresses names what in the pipeline's memory still holds an address or its hash.
func holdsAddresses(p *Pipeline) (what []string) {
	say := func(name string, n int) {
		if n > 0 {
			what = append(what, fmt.Sprintf("%d in %s", n, name))
		}
	}
	say("open bursts", len(p.bursts.open))
	say("closed bursts", len(p.bursts.closed))
	say("stays", len(p.stables.at))
	say("the transient table", len(p.randoms.heard))
	say("class bursts", len(p.randoms.ends)+len(p.randoms.freshEnds))
	say("the open quarter", len(p.rollup.devices))
	say("pending minutes", len(p.pending))
	for _, b := range p.bursts.pool {
		if b.addr != (hwaddr.Addr{}) {
			what = append(what, "a place of the bursts' pool")
		}
	}
	for _, s := range p.stables.pool {
		if s.addr != (hwaddr.Addr{}) || s.id != 0 || s.bucket != 0 {
			what = append(what, "a place of the stays' pool")
		}
	}
	return what
}

func TestOutsideOpeningHoursNothingIsKept(t *testing.T) {
	for name, policy := range map[string]func(*rig){"standard": nil, "count only": func(r *rig) { r.set.Policy = wire.Policy_POLICY_COUNT_ONLY }} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(r *rig) {
				r.set.Hours = hours(t, map[string]string{"mon": "10:00-12:00,14:00-18:00"})
				if policy != nil {
					policy(r)
				}
			})
			frames := mixture(seeded(5), r.at("10:30:00"), 89*time.Minute, 80)
			frames = slices.DeleteFunc(frames, func(f air) bool { return f.t < minTime || f.t >= r.at("12:00:00") })
			r.feed(frames...)
			if len(holdsAddresses(r.p)) == 0 {
				t.Fatal("nothing is held while the store is open: the test proves nothing")
			}
			salt := r.p.randoms.salt
			closed := air{t: r.at("12:00:00"), addr: phone(1000), dbm: -60}
			r.feed(closed)
			if what := holdsAddresses(r.p); len(what) > 0 {
				t.Errorf("after closing there is %s", strings.Join(what, ", "))
			}
			if r.p.randoms.salt == salt {
				t.Error("the salt is the same after closing")
			}
			before, minutes := r.p.Counts(), len(r.sink.minutes())
			closed.t = r.at("13:59:59.999")
			r.feed(closed, air{t: closed.t, addr: made(1000), dbm: -60})
			after := r.p.Counts()
			if got := after.Drops[DropClosed] - before.Drops[DropClosed]; got != 2 || after.Kept != before.Kept || r.hasher.ids[phone(1000)] != 0 {
				t.Errorf("got %d frames dropped as closed, want 2, and nothing else of them", got)
			}
			// The next opening begins anew: who was random and back before is fresh now, and listening starts with the first frame.
			r.feed(air{t: r.at("14:10:30"), addr: made(1), dbm: -60}).finish()
			ms := r.sink.minutes()
			if len(ms) <= minutes {
				t.Fatal("no minute of the afternoon")
			}
			last := ms[len(ms)-1]
			if last.Minute != r.at("14:10:00")/minuteNS || ms[len(ms)-2].Minute >= r.at("12:00:00")/minuteNS || last.Rows[0].Fresh != 1 || last.Rows[0].Back != 0 {
				t.Errorf("got the afternoon's minute %+v after %d", last, ms[len(ms)-2].Minute)
			}
		})
	}
}

func TestASinksErrorStopsThePipeline(t *testing.T) {
	broken := errors.New("the queue is closed")
	r := newRig(t, func(r *rig) { r.sink.err = broken })
	f := air{t: r.at("10:00:00"), addr: phone(1), dbm: -60}
	for range 3 {
		if err := r.p.Frame(f.record(t)); !errors.Is(err, broken) {
			t.Fatalf("got %v, want %v", err, broken)
		}
	}
	if err := r.p.Finish(); !errors.Is(err, broken) {
		t.Errorf("the end: got %v, want %v", err, broken)
	}
}

func TestDropsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for d := range drops {
		name := d.String()
		if name == "" || seen[name] || strings.ToLower(name) != name || strings.Contains(name, " ") {
			t.Errorf("drop %d is called %q", d, name)
		}
		seen[name] = true
	}
	for _, d := range dot11.Drops() {
		if seen[d.String()] {
			t.Errorf("%s is a drop of both", d)
		}
		if int(d) >= maxParseDrops {
			t.Errorf("there is no room to count %s", d)
		}
	}
	if got, want := drops.String(), "drop_8"; got != want {
		t.Errorf("an unknown drop: got %q, want %q", got, want)
	}
}

func TestTheReportNamesWhatHappened(t *testing.T) {
	var c Counts
	c.Frames, c.Kept, c.Sightings, c.Bursts, c.OptedOutBursts, c.CountedBursts, c.ExcludedLong = 12, 9, 4, 5, 1, 2, 3
	c.Drops[DropClosed], c.Parse[dot11.DropBadFCS] = 2, 1
	var out strings.Builder
	c.Report(&out, 2*time.Second)
	for _, want := range []string{
		"frames                               12\n", "dropped bad_fcs", "dropped closed_hours                  2\n", "counted, no ids", "bursts, opted out", "excluded_long", "frames per second                     6\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %q, want it to hold %q", out.String(), want)
		}
	}
	out.Reset()
	c = Counts{}
	c.Report(&out, 0)
	for _, no := range []string{"dropped", "excluded_long", "per second", "opted out", "no ids"} {
		if strings.Contains(out.String(), no) {
			t.Errorf("got %q of an empty capture, want no %q", out.String(), no)
		}
	}
}
