package agent

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// ticking is a live rig: what happens is a list of steps at times, with a Tick every quarter of a second between them.
type ticking struct {
	*rig
	now int64
}

func newTicking(t testing.TB, from string, change func(*rig)) *ticking {
	t.Helper()
	r := newRig(t, func(r *rig) {
		r.set.Live = true
		if change != nil {
			change(r)
		}
	})
	l := &ticking{rig: r, now: r.at(from)}
	r.p.Listening(true)
	l.tick()
	return l
}

func (l *ticking) tick() {
	l.t.Helper()
	if err := l.p.Tick(l.now); err != nil {
		l.t.Fatalf("a tick: %v", err)
	}
}

// until ticks up to a time of monday, and flushes every second, as the run loop does.
func (l *ticking) until(text string) *ticking {
	l.t.Helper()
	for end := l.when(text); l.now < end; {
		l.now += int64(time.Second / 4)
		l.tick()
		if l.now%int64(time.Second) == 0 {
			if err := l.p.Flush(); err != nil {
				l.t.Fatalf("a flush: %v", err)
			}
		}
	}
	return l
}

// when is a time of monday, or with a + before it of the day after.
func (l *ticking) when(text string) int64 {
	if next, ok := strings.CutPrefix(text, "+"); ok {
		return l.at(next) + 24*int64(time.Hour)
	}
	return l.at(text)
}

// hears puts a frame into the current moment.
func (l *ticking) hears(f air) *ticking {
	f.t = l.now
	l.feed(f)
	return l
}

func (l *ticking) stop() *ticking {
	l.t.Helper()
	if err := l.p.Stop(); err != nil {
		l.t.Fatalf("the stop: %v", err)
	}
	conserves(l.t, l.p.Counts())
	return l
}

// listened is the seconds and the memory of each minute, by its time.
func (l *ticking) listened() map[string][2]uint8 {
	out := map[string][2]uint8{}
	for _, m := range l.sink.minutes() {
		out[clockText(l.rig, m.Minute*minuteNS)] = [2]uint8{m.ListenedS, m.MemoryAge}
	}
	return out
}

func TestALiveSensorListensFromOpeningToClosing(t *testing.T) {
	l := newTicking(t, "08:58:00", func(r *rig) { r.set.Hours = hours(t, map[string]string{"mon": "09:00-09:05"}) })
	l.until("09:08:00").stop()
	got := l.listened()
	if len(got) != 5 {
		t.Errorf("got minutes %v, want the five in which the store was open", got)
	}
	for at, m := range got {
		if m != [2]uint8{60, wire.MemoryMinutes} {
			t.Errorf("%s: got %d s and memory %d, want 60 and %d: nobody was near, and somebody listened", at, m[0], m[1], wire.MemoryMinutes)
		}
	}
}

func TestARestartInOpeningHoursHasAYoungMemory(t *testing.T) {
	l := newTicking(t, "11:00:30", func(r *rig) { r.set.Hours = hours(t, map[string]string{"mon": "09:00-20:00"}) })
	l.until("11:20:10").stop()
	got := l.listened()
	for at, want := range map[string][2]uint8{"11:00": {30, 0}, "11:01": {60, 1}, "11:14": {60, 14}, "11:15": {60, 15}, "11:19": {60, 15}, "11:20": {10, 15}} {
		if got[at] != want {
			t.Errorf("%s: got %v, want %v", at, got[at], want)
		}
	}
}

func TestWhatIsNotListenedToIsNotEmptiness(t *testing.T) {
	l := newTicking(t, "10:00:00", nil)
	l.until("10:00:20").p.Listening(false)
	l.until("10:00:50").p.Listening(true)
	l.until("10:02:00").p.Listening(false)
	l.until("10:05:00").p.Listening(true)
	l.until("10:07:00").stop()
	got := l.listened()
	for at, want := range map[string]uint8{"10:00": 30, "10:01": 60, "10:05": 60, "10:06": 60} {
		if got[at][0] != want {
			t.Errorf("%s: got %d s, want %d", at, got[at][0], want)
		}
	}
	for _, at := range []string{"10:02", "10:03", "10:04"} {
		if m, ok := got[at]; ok {
			t.Errorf("%s: got %d s of a minute in which nobody listened, want no minute", at, m[0])
		}
	}
}

func TestPassersByOfDeafMinutesAreNotLost(t *testing.T) {
	l := newTicking(t, "10:00:00", nil)
	l.hears(air{addr: phone(1), dbm: -80}).until("10:01:00").p.Listening(false)
	l.until("10:40:00").stop()
	total := uint32(0)
	for _, m := range l.sink.minutes() {
		total += m.PassersBy
	}
	if total != 1 {
		t.Errorf("got %d passers-by, want 1", total)
	}
}

func TestASuspendedBoxDidNotListen(t *testing.T) {
	l := newTicking(t, "10:00:00", nil)
	l.until("10:00:30")
	l.now = l.at("10:03:30")
	l.tick()
	l.until("10:04:00").stop()
	got := l.listened()
	if got["10:00"][0] != 30 || got["10:03"][0] != 30 || len(got) != 2 {
		t.Errorf("got %v, want half of 10:00 and of 10:03 and nothing between", got)
	}
}

func TestTheDayTurnsWithoutAFrame(t *testing.T) {
	l := newTicking(t, "23:59:00", nil)
	l.until("+04:01:00")
	if len(l.newDays) != 1 || l.newDays[0].String() != "2026-01-13" {
		t.Errorf("got new days %v, want 2026-01-13 once", l.newDays)
	}
	l.hears(air{addr: phone(1), dbm: -50}).until("+04:02:00").stop()
	for _, e := range l.sink.envelopes {
		if e.GetSightings() != nil && e.Header.StoreDay != int32(l.newDays[0]) {
			t.Errorf("got a sighting of store-day %d, want %d", e.Header.StoreDay, l.newDays[0])
		}
	}
}

func TestASightingLeavesWhenItsBurstCloses(t *testing.T) {
	l := newTicking(t, "10:00:00", nil)
	l.hears(air{addr: made(1), dbm: -60})
	for range 20 { // it never pauses, so nothing that began after it is released
		l.now += int64(500 * time.Millisecond)
		l.tick()
		l.hears(air{addr: made(1), dbm: -60})
		if l.now == l.at("10:00:02") {
			l.hears(air{addr: phone(1), dbm: -60})
		}
	}
	if err := l.p.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := l.sink.sightings(); len(got) != 1 || got[0].ms != l.at("10:00:02")/1e6 {
		t.Errorf("got %v while an older burst is open, want the sighting of 10:00:02", got)
	}
	if got := l.p.Counts().Sightings; got != 0 {
		t.Errorf("got %d sightings counted, want none before the release", got)
	}
	l.until("10:02:00").stop()
	if got := l.p.Counts().Sightings; len(l.sink.sightings()) != 1 || got != 1 {
		t.Errorf("got %d sightings sent and %d counted, want one of each", len(l.sink.sightings()), got)
	}
}

func TestTheSeventhMinuteOfAVisitAsksTheFilters(t *testing.T) {
	returns := &fakeReturns{}
	l := newTicking(t, "10:00:00", func(r *rig) { r.deps.Returns = returns })
	for _, at := range []string{"10:03:00", "10:06:00", "10:07:00"} {
		l.hears(air{addr: phone(1), dbm: -60}).until(at)
	}
	l.stop()
	answers := 0
	for _, e := range l.sink.envelopes {
		s := e.GetSightings()
		answers += len(s.GetAnswers())
		for _, of := range s.GetAnswerOf() {
			if s.Counts[of] == 0 {
				t.Error("got an answer beside no sighting of its id")
			}
		}
	}
	if answers != 1 {
		t.Errorf("got %d answers, want one when the stay became a visit", answers)
	}
}

func TestHeardIsToldOfIDsAndTags(t *testing.T) {
	got := map[uint64]uint32{}
	l := newTicking(t, "10:00:00", func(r *rig) { r.deps.Heard = func(id uint64, tag uint32) { got[id] = tag } })
	l.hears(air{addr: phone(1), dbm: -60}).hears(air{addr: phone(2), dbm: -80}).hears(air{addr: made(3), dbm: -60})
	l.until("10:01:00").stop()
	if want := fakeTag(phone(1), 0); len(got) != 1 || got[l.hasher.id(phone(1))] != want {
		t.Errorf("got %v, want only the stable address inside, with tag %d", got, want)
	}
}

func TestKeysThatMayNotTurnSendNoIDs(t *testing.T) {
	may := false
	broken := error(nil)
	l := newTicking(t, "23:00:00", func(r *rig) {
		r.deps.MayTurn = func(calendar.Day) bool { return may }
		turn := r.deps.NewDay
		r.deps.NewDay = func(next calendar.Day) error {
			if broken != nil {
				return broken
			}
			return turn(next)
		}
	})
	l.until("+04:00:10").hears(air{addr: phone(1), dbm: -60}).until("+04:14:00")
	may, broken = true, errors.New("the disk is full")
	l.until("+04:16:00").hears(air{addr: phone(2), dbm: -60}).until("+04:20:00")
	if n := len(l.sink.sightings()); n != 0 || len(l.newDays) != 0 {
		t.Fatalf("got %d ids and new days %v under keys of the day before, want none", n, l.newDays)
	}
	broken = nil
	l.until("+04:20:02").hears(air{addr: phone(3), dbm: -60}).until("+04:22:00").stop()
	if n := len(l.sink.sightings()); n != 1 || len(l.newDays) != 1 {
		t.Errorf("got %d ids and new days %v once the keys turned, want one and one", n, l.newDays)
	}
	quarters := uint32(0)
	for _, e := range l.sink.envelopes {
		if day := e.Header.StoreDay; (e.GetRollup() != nil || e.GetCounters() != nil) && e.Header.BaseMs >= l.when("+04:00:00")/1e6 && day != int32(l.hasher.day) {
			t.Errorf("got counts after 04:00 under store-day %d, want %d", day, l.hasher.day)
		}
		for q := range e.GetRollup().Quarters() {
			quarters += q.Devices
			if e.GetRollup().Cause != wire.Rollup_CAUSE_FAIL_CLOSED {
				t.Errorf("got cause %s, want fail closed", e.GetRollup().Cause)
			}
		}
	}
	if quarters != 2 {
		t.Errorf("got %d devices counted, want the two that got no id", quarters)
	}
}

func TestAFailClosedSensorSaysSoAndCounts(t *testing.T) {
	l := newTicking(t, "10:00:00", nil)
	l.hears(air{addr: phone(1), dbm: -60}).until("10:01:00")
	l.p.FailClosed([]string{"clock_unsynchronised"})
	l.hears(air{addr: phone(2), dbm: -60}).until("10:03:00")
	l.p.FailClosed(nil)
	l.hears(air{addr: phone(3), dbm: -60}).until("10:05:00").stop()
	if got := len(l.sink.sightings()); got != 2 {
		t.Errorf("got %d sightings, want those of before and after", got)
	}
	said := map[string]bool{}
	for _, e := range l.sink.envelopes {
		if h := e.GetHeartbeat(); h != nil {
			if news := len(h.FailClosed) > 0; news && len(said) == 0 && h.MadeMs > l.at("10:01:10")/1e6 {
				t.Errorf("got the first heartbeat that says so at %s, want it within seconds of 10:01", clockText(l.rig, h.MadeMs*1e6))
			}
			for _, why := range h.FailClosed {
				said[why] = true
			}
		}
	}
	if !said["clock_unsynchronised"] {
		t.Error("no heartbeat says why only counters leave")
	}
}

func TestWithoutAClockNothingIsLabelled(t *testing.T) {
	l := newTicking(t, "10:00:00", nil)
	l.hears(air{addr: phone(1), dbm: -60}).until("10:01:00")
	l.p.Clock(false)
	for range 5 {
		l.hears(air{addr: phone(2), dbm: -60})
		l.tick()
	}
	l.p.Clock(true)
	l.hears(air{addr: phone(3), dbm: -60}).until("10:03:00").stop()
	if got := l.p.Counts().Drops[DropBadClock]; got != 5 {
		t.Errorf("got %d frames dropped as bad_clock, want 5", got)
	}
	if got := len(l.sink.sightings()); got != 2 {
		t.Errorf("got %d sightings, want 2", got)
	}
}

func TestTheClockIsSetBack(t *testing.T) {
	for _, row := range []struct {
		name      string
		back      time.Duration
		sightings int64 // where the second is labelled, back from the first
	}{
		{"a little: as of now", 30 * time.Second, 0},
		{"an hour: anew", time.Hour, int64(time.Hour)},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := newTicking(t, "12:00:00", nil)
			l.hears(air{addr: phone(1), dbm: -60}).until("12:00:10")
			was := l.now
			l.now -= int64(row.back)
			l.tick()
			l.hears(air{addr: phone(2), dbm: -60})
			l.now += int64(time.Minute)
			l.tick()
			l.stop()
			got := l.sink.sightings()
			slices.SortFunc(got, func(a, b sight) int { return cmp.Compare(a.ms, b.ms) })
			if want := (was - row.sightings) / 1e6; len(got) != 2 || !slices.ContainsFunc(got, func(s sight) bool { return s.ms == want }) {
				t.Errorf("got %v, want a second sighting at %d", got, want)
			}
		})
	}
}

// TestLiveAndFileAgree sends the same air through both: what is heard does not depend on when the clock ticked.
func TestLiveAndFileAgree(t *testing.T) {
	for seed := range uint64(20) {
		rng := seeded(seed)
		frames := mixture(rng, clock(t, zone(t, "Europe/Berlin"), monday+" 09:00:00"), 3*time.Hour, 60)
		frames = slices.DeleteFunc(frames, func(f air) bool { return f.t < clock(t, zone(t, "Europe/Berlin"), monday+" 08:50:00") || f.t > 1e17*30 })
		slices.SortStableFunc(frames, func(a, b air) int { return cmp.Compare(a.t, b.t) })
		file := newRig(t, nil)
		file.feed(frames...).finish()
		live := newTicking(t, "08:50:00", nil)
		for _, f := range frames {
			for live.now < f.t-int64(time.Second) {
				live.now += rng.Int64N(int64(20 * time.Second))
				live.now = min(live.now, f.t)
				live.tick()
				if rng.IntN(4) == 0 {
					_ = live.p.Flush()
				}
			}
			live.feed(f)
		}
		live.stop()
		if got, want := union(live.sink), union(file.sink); !slices.Equal(got, want) {
			t.Fatalf("seed %d: got %d sightings, want the file's %d", seed, len(got), len(want))
		}
		if got, want := heardRows(live.sink), heardRows(file.sink); !slices.Equal(got, want) {
			t.Fatalf("seed %d: got counters %d, want the file's %d", seed, len(got), len(want))
		}
		g, w := live.p.Counts(), file.p.Counts()
		if g.Sightings != w.Sightings || g.RandomBursts != w.RandomBursts || g.PassersBy != w.PassersBy || g.ExcludedLong != w.ExcludedLong {
			t.Fatalf("seed %d: got %+v, want the file's %+v", seed, g, w)
		}
	}
}

// union is the sightings as a set: the aggregator's view.
func union(s *fakeSink) []sight {
	out := s.sightings()
	slices.SortFunc(out, func(a, b sight) int { return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.ms, b.ms)) })
	return slices.CompactFunc(out, func(a, b sight) bool { return a.id == b.id && a.ms == b.ms })
}

type heardRow struct {
	minute int64
	row    wire.CounterRow
}

func heardRows(s *fakeSink) []heardRow {
	var out []heardRow
	for _, m := range s.minutes() {
		for _, r := range m.Rows {
			out = append(out, heardRow{m.Minute, r})
		}
	}
	slices.SortFunc(out, func(a, b heardRow) int {
		return cmp.Or(cmp.Compare(a.minute, b.minute), cmp.Compare(a.row.Class, b.row.Class), cmp.Compare(a.row.Band, b.row.Band))
	})
	return out
}

// TestTheClockIsSetBackWhileFramesKeepComing: no tick comes between frames that never pause.
func TestTheClockIsSetBackWhileFramesKeepComing(t *testing.T) {
	l := newTicking(t, "12:00:00", nil)
	send := func(n int) {
		for i := range n {
			l.now += int64(50 * time.Millisecond)
			l.hears(air{addr: phone(i / 20), dbm: -60})
		}
	}
	send(200)
	l.now -= int64(time.Hour)
	send(200)
	if err := l.p.Flush(); err != nil {
		t.Fatal(err)
	}
	after := 0
	for _, s := range l.sink.sightings() {
		if s.ms < l.at("11:30:00")/1e6 {
			after++
		}
	}
	if c := l.p.Counts(); after < 8 || c.Rewinds != 1 || c.Kept != 400 {
		t.Errorf("got %d sightings after the clock was set back and %+v, want most of 10, and one rewind", after, c)
	}
}

func TestWithoutAClockASensorStillBeats(t *testing.T) {
	l := newTicking(t, "10:00:00", nil)
	l.until("10:01:30")
	l.p.Clock(false)
	l.p.FailClosed([]string{"clock_jumped"})
	before := len(l.sink.envelopes)
	for at := l.now; at < l.at("10:11:30"); at += int64(time.Second) {
		if err := l.p.Beat(at); err != nil {
			t.Fatal(err)
		}
	}
	beats := 0
	for _, e := range l.sink.envelopes[before:] {
		if h := e.GetHeartbeat(); h != nil && slices.Equal(h.FailClosed, []string{"clock_jumped"}) {
			beats++
		}
	}
	if beats < 9 || beats > 11 {
		t.Errorf("got %d heartbeats in ten minutes without a clock, want one a minute that says so", beats)
	}
	l.p.Clock(true)
	if was := len(l.sink.envelopes); l.p.Beat(l.now+int64(time.Hour)) != nil || len(l.sink.envelopes) != was {
		t.Error("got a heartbeat beside the ones of a sensor with a clock")
	}
}

func TestAQuarterThatIsOverLeaves(t *testing.T) {
	l := newTicking(t, "12:00:00", func(r *rig) { r.set.Policy = wire.Policy_POLICY_COUNT_ONLY })
	l.hears(air{addr: phone(1), dbm: -60}).until("12:15:10")
	if len(l.p.rollup.devices) != 0 || !slices.Contains(l.sink.kinds(), "rollup") {
		t.Errorf("got %d addresses remembered and %v sent ten seconds after the quarter, want none and a rollup", len(l.p.rollup.devices), l.sink.kinds())
	}
}

// TestMadeUpAddressesTakeNoMoreThanTheirShare floods a live sensor with addresses, each heard once.
func TestMadeUpAddressesTakeNoMoreThanTheirShare(t *testing.T) {
	for _, row := range []struct {
		name string
		addr func(int) hwaddr.Addr
		most int
		size func(*Pipeline) int
	}{
		{"stable", phone, maxStays, func(p *Pipeline) int { return len(p.stables.at) }},
		{"random", made, maxRandoms, func(p *Pipeline) int { return len(p.randoms.heard) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := newTicking(t, "10:00:00", nil)
			for n := range row.most + 30_000 {
				l.now += int64(2 * time.Millisecond)
				l.hears(air{addr: row.addr(n), dbm: -60})
			}
			c := l.p.Counts()
			if got := row.size(l.p); got > row.most+maxOpen || c.Drops[DropTooMany] == 0 {
				t.Errorf("got %d addresses remembered and %d frames dropped, want at most %d, and some", got, c.Drops[DropTooMany], row.most+maxOpen)
			}
			known := l.p.Counts().Kept
			l.hears(air{addr: row.addr(1), dbm: -60})
			if got := l.p.Counts().Kept; got != known+1 {
				t.Error("a frame of an address that is remembered was dropped")
			}
			l.stop()
		})
	}
}
