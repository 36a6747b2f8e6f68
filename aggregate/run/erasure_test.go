package run

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// erasure is an open day of twelve devices, of which one is to be forgotten, and the tables of the same day without it.
type erasure struct {
	e     *engine
	v     *voice
	day   calendar.Day
	all   []seen
	gone  uint64
	clean string // all tables, once the day without it is sealed
}

func newErasure(t *testing.T) *erasure {
	t.Helper()
	x := &erasure{e: newEngine(t)}
	b, v, day := newStreet(t, x.e.database(), Config{Clock: ClockCapture})
	x.v, x.day = v, day
	x.gone = 0xC0FFEE5EED5EA1ED // its bytes do not turn up by chance
	var others []seen
	for _, s := range visitors(v, day, 12) {
		if s.id == 12<<32 {
			s.id = x.gone
		} else {
			others = append(others, s)
		}
		x.all = append(x.all, s)
	}
	b.send(v.sightings(day, others, answers(others, 3), false))
	b.seal(v, day)
	x.clean = dump(t, b.db)
	return x
}

// written is a bench that has the day with the device in ClickHouse.
func (x *erasure) written(t *testing.T, cfg Config) *bench {
	t.Helper()
	cfg.Clock = ClockCapture
	b, _, _ := newStreet(t, x.e.database(), cfg)
	b.send(x.v.sightings(x.day, x.all, answers(x.all, 3), false))
	b.flush()
	x.there(t, b, true)
	return b
}

// there checks whether ClickHouse has a row of the device, in any version.
func (x *erasure) there(t *testing.T, b *bench, want bool) {
	t.Helper()
	if n := value[uint64](t, b.db, "SELECT count() FROM device_days WHERE id = ?", x.gone); (n > 0) != want {
		t.Errorf("got %d rows of the device, want any: %v", n, want)
	}
}

// sealsClean seals the day: nothing may be left to tell that the device was there.
func (x *erasure) sealsClean(t *testing.T, b *bench) {
	t.Helper()
	b.seal(x.v, x.day)
	x.there(t, b, false)
	sameTables(t, t.Name(), dump(t, b.db), x.clean)
}

// TestAForgottenDeviceIsInNothingThatTheAggregatorHolds walks through all that a partition's owner holds, to the last
// reserved byte of each list, before the Forget, after it, and after the flush.
func TestAForgottenDeviceIsInNothingThatTheAggregatorHolds(t *testing.T) {
	x := newErasure(t)
	b := x.written(t, Config{})
	held := func() int { // without what all owners share: connections and metrics
		return occurrences(reflect.ValueOf(b.o.stores), x.gone) + occurrences(reflect.ValueOf(b.o.dead), x.gone)
	}
	if held() == 0 {
		t.Fatal("the id is not found before it is forgotten: the test sees nothing")
	}
	b.send(x.v.sightings(x.day, x.all[:3], answers(x.all, 5), false)) // not settled yet
	b.send(x.v.forget(x.day, x.gone))
	if n := held(); n != 0 {
		t.Errorf("after the Forget: got the id %d times, want never", n)
	}
	b.send(x.v.sightings(x.day, x.all, answers(x.all, 3), false), x.v.forget(x.day, x.gone+1))
	b.flush()
	if n := held(); n != 0 {
		t.Errorf("after the flush: got the id %d times, want never", n)
	}
	x.there(t, b, false)
	x.sealsClean(t, b)
}

// occurrences counts where an id is in everything that a value reaches: numbers, and bytes in either order.
func occurrences(v reflect.Value, id uint64) int {
	little, big := string(binary.LittleEndian.AppendUint64(nil, id)), string(binary.BigEndian.AppendUint64(nil, id))
	n, seen := 0, map[string]bool{}
	var bytes []byte
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer, reflect.Map, reflect.Slice:
			if v.IsNil() {
				return
			}
			if key := fmt.Sprint(v.Type(), v.Pointer()); v.Kind() != reflect.Slice && seen[key] {
				return
			} else if v.Kind() != reflect.Slice {
				seen[key] = true
			}
		}
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case reflect.Map:
			for i := v.MapRange(); i.Next(); {
				walk(i.Key())
				walk(i.Value())
			}
		case reflect.Slice, reflect.Array:
			if v.Kind() == reflect.Slice {
				v = v.Slice(0, v.Cap())
			}
			bytes = bytes[:0]
			for i := range v.Len() {
				if v.Index(i).Kind() == reflect.Uint8 {
					bytes = append(bytes, byte(v.Index(i).Uint()))
				} else {
					walk(v.Index(i))
				}
			}
			n += count8(bytes, little, big)
		case reflect.String:
			n += count8([]byte(v.String()), little, big)
		case reflect.Uint64, reflect.Uint, reflect.Uintptr:
			if v.Uint() == id {
				n++
			}
		case reflect.Int64, reflect.Int:
			if uint64(v.Int()) == id {
				n++
			}
		default:
		}
	}
	walk(v)
	return n
}

func count8(text []byte, forms ...string) (n int) {
	for i := 0; i+8 <= len(text); i++ {
		for _, f := range forms {
			if string(text[i:i+8]) == f {
				n++
			}
		}
	}
	return n
}

// TestAReplayDoesNotBringAForgottenDeviceBack reads the whole log again into an empty database.
func TestAReplayDoesNotBringAForgottenDeviceBack(t *testing.T) {
	x := newErasure(t)
	first := x.written(t, Config{})
	first.send(x.v.forget(x.day, x.gone))
	again, _, _ := newStreet(t, x.e.database(), Config{Clock: ClockCapture})
	again.log = first.log
	again.log.committed = [2]int64{}
	again.restart(false)
	x.there(t, again, false)
	again.flush()
	x.there(t, again, false)
	x.sealsClean(t, again)
}

// TestAStaleOwnersLateWriteDoesNotBringAForgottenDeviceBack has a process that read the device's sightings, lost the partition,
// and writes its rows all the same, while its successor has read the Forget.
func TestAStaleOwnersLateWriteDoesNotBringAForgottenDeviceBack(t *testing.T) {
	x := newErasure(t)
	tests := []struct {
		name    string
		flushes int // of the successor, between the Forget and the late write
		after   func(t *testing.T, b *bench)
	}{
		{"before the successor's first flush", 0, func(t *testing.T, b *bench) { b.flush() }},
		{"before its next one", 1, func(t *testing.T, b *bench) { b.flush() }},
		{"much later", 5, func(t *testing.T, b *bench) { b.flush() }},
		{"just before the day is sealed", 2, func(*testing.T, *bench) {}},
		{"the successor is another one by then", 1, func(t *testing.T, b *bench) { b.restart(false); b.flush() }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := x.written(t, Config{})
			stale, _, _ := newStreet(t, b.db, Config{Clock: ClockCapture})
			stale.log.topics = [2][]entry{b.log.topics[0]}
			stale.restart(false)
			b.send(x.v.forget(x.day, x.gone))
			for range test.flushes {
				b.flush()
				x.there(t, b, false)
			}
			stale.flush()
			x.there(t, b, true)
			test.after(t, b)
			if test.name != "just before the day is sealed" {
				x.there(t, b, false)
			}
			x.sealsClean(t, b)
		})
	}
}

// TestALateWriteOfASealedDayIsDeleted within some flushes, with everything else in it.
func TestALateWriteOfASealedDayIsDeleted(t *testing.T) {
	x := newErasure(t)
	b := x.written(t, Config{})
	stale, _, _ := newStreet(t, b.db, Config{Clock: ClockCapture})
	stale.log.topics = [2][]entry{b.log.topics[0]}
	stale.restart(false)
	b.send(x.v.forget(x.day, x.gone))
	b.seal(x.v, x.day)
	stale.flush()
	x.there(t, b, true)
	for range leftoversEvery {
		b.flush()
	}
	for _, table := range exactTables {
		if n := count(t, b.db, table, "1"); n != 0 {
			t.Errorf("%s: got %d rows of a sealed day, want none", table, n)
		}
	}
	sameTables(t, "kept tables", dump(t, b.db, keptTables...), x.clean)
}

// TestForgetsInABurst has more Forgets than one flush looks for: those that match are done at once, the others in turn, and the
// day is told of by how many ids it keeps out, never by how many it had.
func TestForgetsInABurst(t *testing.T) {
	x := newErasure(t)
	erased := map[string]int{}
	b := x.written(t, Config{OnErased: func(store, day string, forgets int) { erased[store+" "+day] += forgets }})
	d := b.only().days[x.day]
	rnd := rand.New(rand.NewPCG(7, 7))
	for range strangersAtMost + 500 {
		h, _ := d.union.Forget(rnd.Uint64())
		d.forgets.strangers = append(d.forgets.strangers, h)
	}
	b.send(x.v.forget(x.day, x.gone), x.v.forget(x.day, x.gone))
	for i, left := range []int{501, 0} { // with the second one of the device
		b.flush()
		x.there(t, b, false)
		if got := len(d.forgets.strangers); got != left {
			t.Errorf("flush %d: got %d ids left to look for, want %d", i+1, got, left)
		}
	}
	x.sealsClean(t, b)
	if got := erased["street "+x.day.String()]; len(erased) != 1 || got != strangersAtMost+501 {
		t.Errorf("got %v ids told of, want %d", erased, strangersAtMost+501)
	}
}

// TestForgottenDevicesAreLookedForInTurn: not all store-days at every flush, but none is left out.
func TestForgottenDevicesAreLookedForInTurn(t *testing.T) {
	x := newErasure(t)
	b := x.written(t, Config{})
	s := b.only()
	var days []erasable
	for day := range calendar.Day(3 * againAtMost) {
		d, err := s.open(x.day+day, sightings, 0)
		if err != nil {
			t.Fatal(err)
		}
		d.forgets = forgets{held: []uint64{uint64(day)}, news: day == 0, again: day == 1, looked: 1}
		days = append(days, erasable{s, d})
	}
	for round, want := range []int{againAtMost + 2, againAtMost + 1, againAtMost} { // the first one's again, too
		b.a.flushes = uint64(round + 10)
		if err := b.a.forgetAgain(t.Context(), days); err != nil {
			t.Fatal(err)
		}
		looked := 0
		for _, e := range days {
			if e.d.forgets.looked == b.a.flushes {
				looked++
			}
		}
		if looked != want {
			t.Errorf("round %d: got %d store-days looked at, want %d", round, looked, want)
		}
	}
	for _, e := range days {
		if e.d.forgets.looked < 10 {
			t.Errorf("%s was left out", e.d.day)
		}
	}
}
