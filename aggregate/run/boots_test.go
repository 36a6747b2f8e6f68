package run

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// airtime is what is in the air at a kiosk for some hours, second by second of Unix time: phones with random addresses, each
// heard every 20 to 150 s while it is there, mostly with a new address, and people who pass by.
type airtime struct {
	from, to int64
	bursts   []airBurst // in order of time
	passers  []int64
}

type airBurst struct {
	at      int64
	class   uint16
	address uint64
}

func newAirtime(from, to int64, seed uint64) *airtime {
	rnd := rand.New(rand.NewPCG(seed, 4))
	a := &airtime{from: from, to: to}
	for phone := range 80 {
		class := uint16(phone)
		if phone >= 40 {
			class = uint16(40 + phone%5) // models that several people have
		}
		at := from + rnd.Int64N(to-from)
		address := rnd.Uint64()
		for until := at + rnd.Int64N(90*60); at < min(until, to); at += 20 + rnd.Int64N(130) {
			if rnd.IntN(10) > 0 {
				address = rnd.Uint64()
			}
			a.bursts = append(a.bursts, airBurst{at, class, address})
		}
	}
	for at := from; at < to; at += 20 + rnd.Int64N(200) {
		a.passers = append(a.passers, at)
	}
	slices.SortStableFunc(a.bursts, func(x, y airBurst) int { return int(x.at - y.at) })
	return a
}

// framesEach is how many frames a burst has here.
const framesEach = 14

// hear is what one run of the sensor sends that starts and is killed at such times: the minutes that it closed. Which addresses
// it heard before, it does not know.
func (a *airtime) hear(from, to int64) []wire.Minute {
	var out []wire.Minute
	last := map[uint64]int64{}
	for m := from / 60; (m+1)*60 <= to; m++ {
		start := max(from, m*60)
		minute := wire.Minute{Minute: m, ListenedS: uint8((m+1)*60 - start), MemoryAge: uint8(min(15, (start-from)/60)), FramesStable: 1}
		rows := map[uint16]*wire.CounterRow{}
		for _, b := range a.bursts {
			if b.at < start || b.at >= (m+1)*60 {
				continue
			}
			r := rows[b.class]
			if r == nil {
				r = &wire.CounterRow{Class: b.class, Band: 7}
				rows[b.class] = r
			}
			r.Bursts++
			if before, known := last[b.address]; known && b.at-before <= 15*60 {
				r.Back += uint32((b.at - before + 30) / 60)
			} else {
				r.Fresh++
			}
			last[b.address] = b.at
			minute.FramesRandom += framesEach
		}
		for _, r := range rows {
			minute.Rows = append(minute.Rows, *r)
		}
		for _, at := range a.passers {
			if at >= start && at < (m+1)*60 {
				minute.PassersBy++
			}
		}
		out = append(out, minute)
	}
	return out
}

// unheard are the bursts and passers-by of the times in which nothing was sent of what was heard.
func (a *airtime) unheard(runs [][2]int64) (bursts, passers int) {
	heard := func(at int64) bool {
		return slices.ContainsFunc(runs, func(r [2]int64) bool { return at >= r[0] && at < r[1]/60*60 })
	}
	for _, b := range a.bursts {
		if !heard(b.at) {
			bursts++
		}
	}
	for _, at := range a.passers {
		if !heard(at) {
			passers++
		}
	}
	return bursts, passers
}

// tell sends the minutes of each run in order, and reads them back as they stand once the day's last ones were flushed. With
// trouble, batches come twice, also those of a run that is over among the next one's, and the aggregator dies in between.
func tell(t *testing.T, db *store.DB, a *airtime, runs [][2]int64, trouble bool) []store.PeopleMinuteRow {
	t.Helper()
	b, v, day := newKiosk(t, db)
	w := &world{store: v.store}
	var before []entry
	for i, r := range runs {
		v := &voice{t: t, store: v.store, boot: 0xfeed << 40 >> i} // boot ids have no order
		for list := range chunks(a.hear(r[0], r[1]), func(rest []wire.Minute) int { return w.alike(0, rest, 7) }) {
			m := v.minutes(day, list)
			b.send(m)
			if before = append(before, m); !trouble {
				continue
			}
			switch len(before) % 5 {
			case 1:
				b.send(before[max(0, len(before)-4):]...)
			case 2:
				b.flush()
			case 3:
				b.restart(len(before)%2 == 0)
			}
		}
	}
	b.flush()
	rows, err := store.Select[store.PeopleMinuteRow](t.Context(), b.db, "SELECT * FROM people_minutes FINAL ORDER BY minute")
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestASensorKilledThreeTimesInADay compares the minutes of a sensor that was killed and started again with those of one that
// ran on. A kill loses the minute that was open, and the next run's table of addresses is young for a quarter of an hour.
//
// So minutes farther from it than their result looks are equal to the last digit: G = 12 minutes before the kill; after the
// start 15 minutes of a young table and the 7 of the rate's window. Between, the result is held to two thirds and one less, 15/11
// and one more: a young table takes each burst as 1/1.5 phone instead of 1/1.25 phone or the minutes since its address was
// heard, which is a sixth to a third less of a class's phones beyond the first; up to 4 of the 15 minutes of the window are
// missing, which makes what is left weigh up to 15/11; and one who came or went in what was lost is known for as long later or
// earlier as a phone is silent, 150 s here. At the end of a class epoch everybody comes and goes, so there nothing is said of the
// 150 s to each side but that nobody is counted twice. Over the six hours, of which this is three tenths, that leaves 5 %.
func TestASensorKilledThreeTimesInADay(t *testing.T) {
	e := newEngine(t)
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			day, start := killedDay(t)
			a := newAirtime(start, start+6*3600, seed)
			kills := [][2]int64{ // killed and started, seconds since the start
				{47*60 + 20, 47*60 + 35},       // within one minute
				{2*3600 - 10, 2*3600 + 25},     // over the end of a class epoch
				{3*3600 + 1205, 3*3600 + 1385}, // away for three minutes
			}
			runs, from := [][2]int64(nil), start
			for _, k := range kills {
				runs, from = append(runs, [2]int64{from, start + k[0]}), start+k[1]
			}
			runs = append(runs, [2]int64{from, a.to})
			whole := tell(t, e.database(), a, [][2]int64{{start, a.to}}, false)
			cut := tell(t, e.database(), a, runs, false)
			again := tell(t, e.database(), a, runs, true)
			for i := range again {
				again[i].Version = cut[min(i, len(cut)-1)].Version // the trouble's log is longer
			}
			if !slices.Equal(again, cut) {
				t.Errorf("with repetitions and crashes: got %d minutes, want the %d without, alike", len(again), len(cut))
			}
			checkTotals(t, a, runs, whole, cut)
			checkPeople(t, day, start, kills, whole, cut)
		})
	}
}

// killedDay is the kiosk's day and the second at which its airtime begins: at the start of a class epoch.
func killedDay(t *testing.T) (calendar.Day, int64) {
	t.Helper()
	day := parseDay(t, "2026-02-02")
	return day, parseStores(t, always)[0].Calendar.Start(day).Unix() + 2*3600
}

// checkTotals: what was sent is there once, what is missing is what the kills lost.
func checkTotals(t *testing.T, a *airtime, runs [][2]int64, whole, cut []store.PeopleMinuteRow) {
	t.Helper()
	sums := func(rows []store.PeopleMinuteRow) (frames, passers, listened int) {
		for _, r := range rows {
			frames, passers, listened = frames+int(r.FramesRandom), passers+int(r.PassersBy), listened+int(r.ListenedS)
		}
		return frames, passers, listened
	}
	frames, passers, listened := sums(whole)
	if frames != len(a.bursts)*framesEach || passers != len(a.passers) || int64(listened) != a.to-a.from {
		t.Errorf("uncut: got %d frames, %d passers-by and %d s, want all there were", frames, passers, listened)
	}
	lostBursts, lostPassers := a.unheard(runs)
	seconds := int64(0)
	for _, r := range runs {
		seconds += r[1]/60*60 - r[0]
	}
	frames, passers, listened = sums(cut)
	if frames != (len(a.bursts)-lostBursts)*framesEach || passers != len(a.passers)-lostPassers || int64(listened) != seconds {
		t.Errorf("cut: got %d frames, %d passers-by and %d s, want all but %d, %d and %d", frames, passers, listened, lostBursts*framesEach, lostPassers, a.to-a.from-seconds)
	}
	if lostBursts == 0 || lostBursts > len(a.bursts)/20 {
		t.Errorf("got %d of %d bursts lost, want a few", lostBursts, len(a.bursts))
	}
}

// checkPeople: minute by minute as the test above says.
func checkPeople(t *testing.T, day calendar.Day, start int64, kills [][2]int64, whole, cut []store.PeopleMinuteRow) {
	t.Helper()
	got := map[int64]store.PeopleMinuteRow{}
	for _, r := range cut {
		got[r.Minute.Unix()-start] = r
	}
	var sumWhole, sumCut float64
	missing, near := 0, 0
	for _, want := range whole {
		at := want.Minute.Unix() - start
		r, ok := got[at]
		if !ok {
			missing++
			continue
		}
		sumWhole, sumCut = sumWhole+want.Random, sumCut+r.Random
		if r.Final != want.Final || !r.StoreDay.Equal(day.Date()) {
			t.Errorf("minute %d: got %+v, want it final or not as %+v", at/60, r, want)
		}
		if !slices.ContainsFunc(kills, func(k [2]int64) bool { return at/60 >= k[0]/60-12 && at/60 <= k[1]/60+15+7 }) {
			if r.Random != want.Random {
				t.Errorf("minute %d, far from every kill: got %v people, want %v", at/60, r.Random, want.Random)
			}
			continue
		}
		near++
		least := want.Random*2/3 - 1
		if slices.ContainsFunc(kills, func(k [2]int64) bool { return k[0]/7200 != k[1]/7200 && at >= k[0]/60*60-180 && at <= k[1]+150 }) {
			least = 0
		}
		if r.Random < least || r.Random > want.Random*15/11+1 {
			t.Errorf("minute %d: got %.2f people, want about %.2f", at/60, r.Random, want.Random)
		}
	}
	if missing != 4 { // 1:59, of which nothing was closed, and three of the long pause
		t.Errorf("got %d minutes missing, want 4", missing)
	}
	if n := float64(len(whole)); sumWhole/n < 5 || math.Abs(sumCut/sumWhole-1) > .05 {
		t.Errorf("got %.2f people on average, want about %.2f", sumCut/n, sumWhole/n)
	}
	t.Logf("%d minutes near a kill; %.2f people on average, uncut %.2f", near, sumCut/float64(len(cut)), sumWhole/float64(len(cut)))
}
