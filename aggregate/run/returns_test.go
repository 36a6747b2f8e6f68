package run

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/publish"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/visits"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// mix makes numbers that look drawn, in place of keyed hashes.
func mix(person, about uint64) uint64 {
	return rand.New(rand.NewPCG(person, about)).Uint64()
}

// returnIDs are a person's of a day.
func returnIDs(person uint64, day calendar.Day) visits.ReturnIDs {
	period := uint64(wire.ReturnPeriod(int32(day)))
	return visits.ReturnIDs{Now: mix(person, period), Before: mix(person, period-1)}
}

// club is a store of policy extended whose visitors a test knows.
type club struct {
	*bench
	v     *voice
	first calendar.Day
	came  map[calendar.Day][]uint64 // people by day
}

func newClub(t *testing.T, e *engine) *club {
	t.Helper()
	list := parseStores(t, street+"    policy: extended\n"+basis["extended"])
	b := newBench(t, e.database(), Config{Stores: list, Clock: ClockCapture})
	return &club{bench: b, v: &voice{t: t, store: &list[0], boot: 1}, first: parseDay(t, "2026-02-02"), came: map[calendar.Day][]uint64{}}
}

// day lets people come for ten minutes, each heard by one or two sensors, in batches of any order.
func (c *club) day(day calendar.Day, rnd *rand.Rand, people []uint64) {
	c.t.Helper()
	c.came[day] = people
	start := c.v.store.Calendar.Start(day).UnixMilli() + 6*hourMS
	var batches []entry
	for _, person := range people {
		id := mix(person, 1<<40+uint64(day))
		for i := range 1 + rnd.IntN(2) {
			ear := &voice{t: c.t, store: c.v.store, sensor: i, boot: person<<20 + uint64(day)<<1 + uint64(i)}
			var b wire.SightingsBuilder
			for at := range int64(11) {
				b.Add(id, start+int64(person)*1000+at*60_000+int64(i), 6)
			}
			ids := returnIDs(person, day)
			b.Return(id, ids.Now, ids.Before)
			body, base := b.Build()
			body.ReturnPeriod = wire.ReturnPeriod(int32(day))
			batches = append(batches, ear.entry(sightings, day, 0, base, &wire.Envelope{Body: &wire.Envelope_Sightings{Sightings: body}}))
		}
	}
	rnd.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
	c.send(batches...)
}

// forgets is what a sensor sends of a person who registers.
func (c *club) forgets(day calendar.Day, person uint64) entry {
	c.t.Helper()
	ids := returnIDs(person, day)
	return c.v.entry(sightings, day, 0, 0, &wire.Envelope{Body: &wire.Envelope_Forget{Forget: &wire.Forget{
		Id: mix(person, 1<<40+uint64(day)), ReturnIds: []uint64{ids.Now, ids.Before}, ReturnPeriod: wire.ReturnPeriod(int32(day)),
	}}})
}

// returned is what the naive model counts of a day: all visitors, and those that came on one of the 7, 14 and 28 days before.
func (c *club) returned(day calendar.Day) (out [4]uint32) {
	for _, person := range c.came[day] {
		out[0]++
		for i, back := range repeatDays {
			for before := day - back; before < day; before++ {
				if slices.Contains(c.came[before], person) {
					out[i+1]++
					break
				}
			}
		}
	}
	return out
}

// TestExactRepeatsAreThoseOfANaiveModel follows a store of policy extended over five weeks and a change of return keys.
func TestExactRepeatsAreThoseOfANaiveModel(t *testing.T) {
	c := newClub(t, newEngine(t))
	rnd := rand.New(rand.NewPCG(4, 5))
	round, err := publish.NewRounder([32]byte{5, 10})
	if err != nil {
		t.Fatal(err)
	}
	for i := range calendar.Day(5 * 7) {
		day := c.first + i
		if i%13 == 5 {
			c.came[day] = nil // nobody is heard
		} else {
			var people []uint64
			for person := range uint64(90) {
				if rnd.Uint64N(90) < 5+person/4 { // some come every third day, some hardly ever
					people = append(people, person)
				}
			}
			c.day(day, rnd, people)
			c.seal(c.v, day)
			c.checkDay(t, day)
		}
		if day.Weekday() == time.Sunday {
			c.weeks()
			c.checkWeek(t, day.Week(), round)
		}
	}
}

// checkDay looks at a day that was just sealed.
func (c *club) checkDay(t *testing.T, day calendar.Day) {
	t.Helper()
	rows, err := store.Select[store.ReturnPatternRow](t.Context(), c.db, "SELECT * FROM return_patterns FINAL WHERE store_day = toDate(?)", day.String())
	if err != nil || len(rows) != 1 {
		t.Fatalf("%s: got %d rows, %v, want 1", day, len(rows), err)
	}
	r := rows[0]
	if got, want := [4]uint32{r.ReturnVisitors, r.Repeat7D, r.Repeat14D, r.Repeat28D}, c.returned(day); got != want {
		t.Errorf("%s: got %v visitors, and known again after 7, 14 and 28 days, want %v", day, got, want)
	}
	if want := min(returnDays, day-c.first); r.LookbackDays != uint8(want) {
		t.Errorf("%s: got a look-back of %d days, want %d", day, r.LookbackDays, want)
	}
	kept := 0
	for before := day - returnDays; before <= day; before++ {
		kept += len(c.came[before])
	}
	if n := count(t, c.db, store.TableReturnVisits, "1"); n != uint64(kept) {
		t.Errorf("%s: got %d return visits kept, want those of 28 days and this one: %d", day, n, kept)
	}
	if n := value[uint64](t, c.db, "SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'return_visits' AND NOT active"); n != 0 {
		t.Errorf("%s: got %d old parts on the disk, want 0", day, n)
	}
}

func (c *club) checkWeek(t *testing.T, week calendar.Week, round publish.Rounder) {
	t.Helper()
	want := publish.Week{Condition: publish.Measured, Extended: true}
	lookback := calendar.Day(returnDays)
	var sums [3]int
	for day := week.Monday(); day <= week.Sunday(); day++ {
		r := c.returned(day)
		want.Days = append(want.Days, publish.Daily{Start: c.v.store.Calendar.Start(day), Returns: int(r[0])})
		for i := range sums {
			sums[i] += int(r[i+1])
		}
		if r[0] > 0 {
			lookback = min(lookback, day-c.first)
		}
	}
	out := []*publish.Returned{&want.Repeat7D, &want.Repeat14D, &want.Repeat28D}
	for i := range sums {
		*out[i] = publish.Returned{Known: lookback >= repeatDays[i], N: sums[i]}
	}
	shown := round.Week(c.v.store.ID, week.Monday().Date(), want)
	rows, err := store.Select[store.PubStoreWeekRow](t.Context(), c.db, "SELECT * FROM pub_store_week FINAL WHERE store_week = toDate(?)", week.String())
	if err != nil || len(rows) != 1 {
		t.Fatalf("week %s: got %d rows, %v, want 1", week, len(rows), err)
	}
	r := rows[0]
	for _, x := range []struct {
		name  string
		pct   *int32
		state string
		want  publish.Percent
	}{{"7 days", r.Repeat7DPct, r.Repeat7DState, shown.Repeat7D}, {"14 days", r.Repeat14DPct, r.Repeat14DState, shown.Repeat14D}, {"28 days", r.Repeat28DPct, r.Repeat28DState, shown.Repeat28D}} {
		if x.state != string(x.want.State) || (x.pct == nil) != (x.want.State != publish.StateValue) || x.pct != nil && int(*x.pct) != x.want.Pct {
			t.Errorf("week %s, %s: got %s, want %+v", week, x.name, x.state, x.want)
		}
		if weeks := int(week.Monday()-c.first) / 7; (x.state == "no_data") != (weeks < map[string]int{"7 days": 1, "14 days": 2, "28 days": 4}[x.name]) {
			t.Errorf("week %s, %s: got %s after %d weeks", week, x.name, x.state, weeks)
		}
	}
}

// TestAForgottenReturnIDIsNeverKept registers a person who visited before, yesterday, whose day is not sealed yet, and today.
func TestAForgottenReturnIDIsNeverKept(t *testing.T) {
	e := newEngine(t)
	people := []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	boundary := calendar.Day(28 * 80) // of the two periods that a sensor knows
	for name, day := range map[string]calendar.Day{"within a period": boundary + 10, "on the first day of a period": boundary} {
		for _, when := range []string{"after today's visit", "before today's visit", "and a stale owner writes", "and the log is replayed"} {
			t.Run(name+", "+when, func(t *testing.T) {
				c := newClub(t, e)
				rnd := rand.New(rand.NewPCG(1, 1))
				for d := day - 3; d < day-1; d++ {
					c.day(d, rnd, people)
					c.seal(c.v, d)
				}
				c.day(day-1, rnd, people)
				if when != "before today's visit" {
					c.day(day, rnd, people)
				}
				c.flush()
				if n := c.kept(t, day, 1); n != 2 {
					t.Fatalf("got %d return visits before the registration, want 2: the test shows nothing", n)
				}
				c.send(c.forgets(day, 1))
				if when != "after today's visit" {
					c.day(day, rnd, people)
				}
				c.flush()
				if n := c.kept(t, day, 1); n != 0 {
					t.Errorf("got %d return visits after the flush, want none", n)
				}
				switch when {
				case "and a stale owner writes":
					c.writesLate(t, day-2, 1)
				case "and the log is replayed":
					c.replay(t, e)
				}
				c.seal(c.v, day-1, day)
				if n := c.kept(t, day, 1); n != 0 {
					t.Errorf("got %d return visits after both days are sealed, want none", n)
				}
				if n := c.kept(t, day, 2); n != 4 {
					t.Errorf("got %d return visits of somebody else, want 4", n)
				}
				got := value[string](t, c.db, "SELECT toString(groupArray((return_visitors, repeat_7d))) FROM (SELECT * FROM return_patterns FINAL WHERE store_day >= toDate(?) ORDER BY store_day)", (day - 1).String())
				if want := "[(11,11),(11,11)]"; got != want {
					t.Errorf("got %s visitors and known again, want %s", got, want)
				}
			})
		}
	}
}

// TestADayWithoutVisitorsForgetsReturnIDsToo, also where it is sealed before the next flush.
func TestADayWithoutVisitorsForgetsReturnIDsToo(t *testing.T) {
	c := newClub(t, newEngine(t))
	c.day(c.first, rand.New(rand.NewPCG(3, 3)), []uint64{1, 2})
	c.seal(c.v, c.first)
	c.send(c.forgets(c.first+1, 1))
	c.seal(c.v, c.first+1)
	if gone, other := c.kept(t, c.first, 1), c.kept(t, c.first, 2); gone != 0 || other != 1 {
		t.Errorf("got %d return visits of who registered and %d of somebody else, want 0 and 1", gone, other)
	}
}

// TestAForgetThatCameTooLateForItsDayForgetsReturnIDs: its id is gone with the day, the return ids of 28 days are not.
func TestAForgetThatCameTooLateForItsDayForgetsReturnIDs(t *testing.T) {
	e := newEngine(t)
	people := []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	const day = calendar.Day(28*80 + 10)
	const morning = 6 * time.Hour // after the store-day began
	for _, test := range []struct {
		name  string
		clock Clock
		own   calendar.Day // the Forget's, after the sealed ones
		sent  calendar.Day
		until calendar.Day // days that are sealed before it comes
	}{
		{"yesterday was sealed", ClockWall, -1, 0, 0},
		{"today was sealed, by a clock that is ahead", ClockWall, 0, 0, 1},
		{"a sensor was off since the day before yesterday", ClockWall, -2, 0, 0},
		{"over a weekend, and Friday is not sealed yet", ClockWall, -2, 0, -2},
		{"its clock is ahead of its day", ClockWall, 5, 0, 0},
		{"a file's day was sealed", ClockCapture, -1, -1, 0},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(test.name+map[bool]string{true: ", and the aggregator starts anew"}[restart], func(t *testing.T) {
				c := newClub(t, e)
				c.a.cfg.Clock = test.clock
				rnd := rand.New(rand.NewPCG(9, 9))
				for d := day - 3; d < day+test.until; d++ {
					c.day(d, rnd, people)
					c.seal(c.v, d)
				}
				f := c.forgets(day+test.own, 1)
				f.at = c.v.store.Calendar.Start(day + test.sent).Add(morning)
				c.send(f)
				if restart { // nothing was flushed: the log alone knows
					for d := day + test.until; d < day; d++ {
						c.day(d, rnd, people[1:])
						c.seal(c.v, d)
					}
					c.restart(false)
				}
				c.flush()
				if gone, other := c.kept(t, day, 1), c.kept(t, day, 2); gone != 0 || other == 0 {
					t.Errorf("got %d return visits of who registered and %d of somebody else, want none and some", gone, other)
				}
				if late, dead := metric(t, c.reg, "footfall_aggregate_late_batches_total"), count(t, c.db, store.TableDeadLetters, "1"); late != 0 || dead != 0 {
					t.Errorf("got %v late batches and %d dead letters, want neither", late, dead)
				}
				next := day + max(0, test.until)
				for d := day + min(0, test.until); d <= next; d++ { // the person comes again, and is kept out on the days that are open
					if c.only().hasSealed(d) {
						continue
					}
					c.day(d, rnd, people)
					c.seal(c.v, d)
				}
				c.writesNothingOf(t, next)
				c.restart(true) // the Forget stands before the Seal of the day that it was taken for
				if late := metric(t, c.reg, "footfall_aggregate_late_batches_total"); late != 0 || c.o.open() {
					t.Errorf("read again: got %v late batches and an open day %v, want neither", late, c.o.open())
				}
			})
		}
	}
}

// writesNothingOf checks that the first person is not kept on a day that was sealed with twelve.
func (c *club) writesNothingOf(t *testing.T, day calendar.Day) {
	t.Helper()
	got := value[string](t, c.db, "SELECT toString((countIf(return_id = ?), count())) FROM return_visits FINAL WHERE store_day = toDate(?)", returnIDs(1, day).Now, day.String())
	if want := "(0,11)"; got != want {
		t.Errorf("%s: got %s return visits of who registered and of all, want %s", day, got, want)
	}
}

// TestOnlyReturnIDsAreForgottenLate: a Forget without them is late as everything is, and in a store that keeps none so is one
// with them.
func TestOnlyReturnIDsAreForgottenLate(t *testing.T) {
	e := newEngine(t)
	for name, policy := range map[string]string{"no return ids": "extended", "a standard store": "standard"} {
		t.Run(name, func(t *testing.T) {
			c := newClub(t, e)
			cfg := c.a.cfg
			cfg.Stores = parseStores(t, street+"    policy: "+policy+"\n"+basis[policy])
			c.start(cfg)
			c.day(c.first, rand.New(rand.NewPCG(9, 9)), []uint64{1, 2})
			c.seal(c.v, c.first)
			f := c.forgets(c.first, 1)
			if policy == "extended" {
				f = c.v.forget(c.first, 1)
			}
			c.send(f)
			if late := metric(t, c.reg, "footfall_aggregate_late_batches_total"); late != 1 || c.o.open() {
				t.Errorf("got %v late batches and an open day %v, want one and none", late, c.o.open())
			}
		})
	}
}

// writesLate seals a person's visit again, as a process does that lost the partition on the way.
func (c *club) writesLate(t *testing.T, day calendar.Day, person uint64) {
	t.Helper()
	row := store.ReturnVisitRow{
		Store: c.v.store.ID, Period: wire.ReturnPeriod(int32(day)), ReturnID: returnIDs(person, day).Now, StoreDay: day.Date(), Written: time.Now().UTC(), Version: 1,
	}
	if err := store.Insert(t.Context(), c.db, store.TableReturnVisits, []store.ReturnVisitRow{row}); err != nil {
		t.Fatal(err)
	}
}

// replay reads the whole log into an empty database.
func (c *club) replay(t *testing.T, e *engine) {
	t.Helper()
	again := newBench(t, e.database(), c.a.cfg)
	again.log = c.log
	again.log.committed = [2]int64{}
	again.restart(false)
	c.bench = again
}

// kept is how many rows of a person there are, in any version, under the keys of today's period and of the one before.
func (c *club) kept(t *testing.T, day calendar.Day, person uint64) uint64 {
	t.Helper()
	ids := returnIDs(person, day)
	return value[uint64](t, c.db, "SELECT count() FROM return_visits WHERE return_id IN (?, ?)", ids.Now, ids.Before)
}

// TestAStoreThatIsNotExtendedAnyMoreKeepsNoReturnIDs, and begins anew when it is again.
func TestAStoreThatIsNotExtendedAnyMoreKeepsNoReturnIDs(t *testing.T) {
	c := newClub(t, newEngine(t))
	rnd := rand.New(rand.NewPCG(2, 2))
	people := []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	extended := c.a.cfg
	standard := extended
	standard.Stores = parseStores(t, street)
	step := func(day calendar.Day, cfg Config, kept uint64, back uint8, state string) {
		t.Helper()
		c.start(cfg)
		c.day(day, rnd, people) // a sensor with an old bundle sends return ids all the same
		c.seal(c.v, day)
		if n := count(t, c.db, store.TableReturnVisits, "1"); n != kept {
			t.Errorf("%s: got %d return visits, want %d", day, n, kept)
		}
		if got := value[uint8](t, c.db, "SELECT lookback_days FROM return_patterns FINAL WHERE store_day = toDate(?)", day.String()); got != back {
			t.Errorf("%s: got a look-back of %d days, want %d", day, got, back)
		}
		c.weeks()
		if state != "" {
			if got := value[string](t, c.db, "SELECT repeat_7d_state FROM pub_store_week FINAL WHERE store_week = toDate(?)", day.Week().String()); got != state {
				t.Errorf("%s: got an exact repeat rate that reads %s, want %s", day, got, state)
			}
		}
	}
	sunday := c.first + 6
	step(sunday, extended, 12, 0, "no_data")
	step(sunday+7, extended, 24, 7, "value")
	step(sunday+14, standard, 0, 0, "policy")
	step(sunday+21, extended, 12, 0, "no_data")
	step(sunday+28, extended, 24, 7, "value")
}

// TestAPolicyThatCameBackBeganAnew: the store was switched to standard and back, or its return ids were lost, with no day sealed
// in between. Its sealed days say that its visitors were known again, and nobody is.
func TestAPolicyThatCameBackBeganAnew(t *testing.T) {
	e := newEngine(t)
	people := []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	for name, between := range map[string]func(c *club, extended, standard Config){
		"switched to standard and back": func(c *club, extended, standard Config) { c.start(standard); c.start(extended) },
		"and twice": func(c *club, extended, standard Config) {
			c.start(standard)
			c.start(extended)
			c.start(standard)
			c.start(extended)
		},
		"the return ids were lost": func(c *club, extended, _ Config) {
			if err := c.db.DeleteStoresReturns(t.Context(), c.v.store.ID); err != nil {
				t.Fatal(err)
			}
			c.start(extended)
		},
		"a crash before they were deleted": func(c *club, extended, standard Config) {
			c.start(standard)
			c.writesLate(t, c.first+12, 1)
			c.start(standard)
			c.start(extended)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClub(t, e)
			rnd := rand.New(rand.NewPCG(6, 6))
			extended := c.a.cfg
			standard := extended
			standard.Stores = parseStores(t, street)
			for day := c.first; day < c.first+21; day++ {
				if day == c.first+13 { // the second Sunday
					between(c, extended, standard)
				}
				if day == c.first+16 {
					c.restart(false) // the days are read back
				}
				c.day(day, rnd, people)
				c.seal(c.v, day)
				c.weeks()
			}
			got := value[string](t, c.db, "SELECT toString(groupArray(repeat_7d_state)) FROM (SELECT * FROM pub_store_week FINAL ORDER BY store_week)")
			if want := "['no_data','no_data','no_data']"; got != want {
				t.Errorf("got exact shares that read %s, want %s", got, want)
			}
			if since, want := c.only().since, c.first+13; since != want {
				t.Errorf("got visitors known again since %s, want %s", since, want)
			}
			if n := count(t, c.db, store.TableStoreDays, "NOT extended"); n != 1 {
				t.Errorf("got %d days that say nobody is known, want the last before the switch", n)
			}
		})
	}
}

// TestSensorsWithOldBundlesGiveNoExactShares: the store is of policy extended and nobody sends return ids.
func TestSensorsWithOldBundlesGiveNoExactShares(t *testing.T) {
	c := newClub(t, newEngine(t))
	for i := range calendar.Day(14) {
		c.send(c.v.sightings(c.first+i, visitors(c.v, c.first+i, 12), nil, false))
		c.seal(c.v, c.first+i)
	}
	c.weeks()
	got := value[string](t, c.db, "SELECT toString(groupArray((repeat_7d_state, isNull(repeat_7d_pct)))) FROM pub_store_week FINAL")
	if want := "[('no_data',1),('no_data',1)]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n := value[uint64](t, c.db, "SELECT countIf(extended) FROM store_days FINAL"); n != 0 {
		t.Errorf("got %d days that count for the look-back, want none", n)
	}
}
