package outbox

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// newExtended is a world of an extended store, with a state folder.
func newExtended(t *testing.T) *world {
	t.Helper()
	return newWorld(t, func(o *Options) { o.Policy, o.State = wire.Policy_POLICY_EXTENDED, t.TempDir() })
}

// returnID is the return id of a device in a period, not found among other bytes by chance.
func returnID(device int, period int32) uint64 {
	return 0x5E1D_0000_0000_0000 ^ uint64(device)*0xD1B5_4A32_D192_ED03 ^ uint64(period)*0xA24B_AED4_963E_E407
}

func (w *world) period() int32 { return wire.ReturnPeriod(int32(w.cal.DayOf(w.now()))) }

// visits sends one batch in which each device becomes a visitor: its id is another every day, its tag always the same.
func (w *world) visits(devices ...int) {
	var b wire.SightingsBuilder
	for i, n := range devices {
		w.box.Heard(w.dayID(n), tagOf(id(n)))
		b.Add(w.dayID(n), w.now().UnixMilli()+int64(i), 3)
		b.Return(w.dayID(n), returnID(n, w.period()), returnID(n, w.period()-1))
	}
	s, base := b.Build()
	s.ReturnPeriod = w.period()
	w.send(&wire.Envelope{Header: w.header(base), Body: &wire.Envelope_Sightings{Sightings: s}})
}

func (w *world) dayID(device int) uint64 { return id(device) + uint64(w.cal.DayOf(w.now()))<<8 }

// nextDay goes on by so many days.
func (w *world) nextDay(days int) {
	w.run(4 * time.Second)
	w.sync()
	w.step(time.Duration(days) * 24 * time.Hour)
	w.box.NewDay(w.cal.DayOf(w.now()))
	w.confirm()
}

// said is what a Forget says of a device, as of its own day.
type said struct{ id, now, before bool }

// of judges a Forget by a device.
func (w *world) of(m stored, device int) said {
	f := m.e.GetForget()
	return said{f.Id == w.dayID(device), f.ReturnIds[0] == returnID(device, f.ReturnPeriod), f.ReturnIds[1] == returnID(device, f.ReturnPeriod-1)}
}

// inState says whether a return id is in the state folder's files.
func (w *world) inState(returnID uint64) bool {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(w.opt.State, "*"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			w.t.Fatal(err)
		}
		if bytes.Contains(raw, binary.BigEndian.AppendUint64(nil, returnID)) {
			return true
		}
	}
	return false
}

// TestInAnExtendedStoreTheReturnIDsAreTakenBackToo: the world begins on the 14th day of a period of 28.
func TestInAnExtendedStoreTheReturnIDsAreTakenBackToo(t *testing.T) {
	for _, row := range []struct {
		name    string
		history func(w *world)
		want    said
	}{
		{"here today for the first time", func(w *world) { w.visits(1, 2) }, said{true, true, true}},
		{"here yesterday and not today", func(w *world) { w.visits(1, 2); w.nextDay(1); w.visits(3) }, said{false, true, true}},
		{"here yesterday and today", func(w *world) { w.visits(1, 2); w.nextDay(1); w.visits(3, 1) }, said{true, true, true}},
		{"here on the last day of the period before", func(w *world) { w.nextDay(14); w.visits(1); w.nextDay(1); w.visits(3) }, said{false, false, true}},
		{"here in both periods", func(w *world) { w.nextDay(14); w.visits(1); w.nextDay(2); w.visits(1); w.nextDay(1) }, said{false, true, true}},
		{"here 28 days ago", func(w *world) { w.visits(1); w.nextDay(28) }, said{false, false, true}},
		{"here 31 days ago", func(w *world) { w.visits(1); w.nextDay(31) }, said{false, false, false}},
		{"never here", func(w *world) { w.visits(2, 3) }, said{false, false, false}},
		{"inside, and never a visitor", func(w *world) { w.visits(2); w.sights(w.dayID(7)) }, said{false, false, false}},
		{"here today, before a restart", func(w *world) { w.visits(1); w.run(time.Second); w.sync(); w.restart(); w.confirm() }, said{false, true, true}},
		{"here last week, and the sensor was moved to another spool", func(w *world) {
			w.visits(1)
			w.nextDay(7)
			w.dir = t.TempDir()
			w.restart()
			w.confirm()
		}, said{false, true, true}},
		{"forgotten before", func(w *world) { w.visits(1); w.nextDay(1); w.joins(tagOf(id(1))); w.run(4 * time.Second) }, said{false, false, false}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newExtended(t)
				row.history(w)
				w.run(time.Second)
				before := len(w.forgets())
				w.joins(tagOf(id(1)), 12345)
				w.run(4 * time.Second)
				got := w.forgets()[before:]
				if len(got) != 2 {
					t.Fatalf("got %d Forgets for two records, want two", len(got))
				}
				var sum said
				for _, m := range got {
					f, h := m.e.GetForget(), m.e.Header
					if h.Policy != wire.Policy_POLICY_EXTENDED || len(f.ReturnIds) != 2 || f.ReturnPeriod != w.period() || calendar.Day(h.StoreDay) != w.cal.DayOf(w.now()) {
						t.Errorf("got %v under %v, want two return ids of today's period", f, h)
					}
					if slices.Contains(f.ReturnIds, 0) || f.Id == 0 || f.ReturnIds[0] == f.ReturnIds[1] {
						t.Errorf("got %v, want random numbers where nothing is known", f)
					}
					one := w.of(m, 1)
					if one != (said{}) && sum != (said{}) {
						t.Error("got the device in two Forgets, want one")
					}
					sum = said{sum.id || one.id, sum.now || one.now, sum.before || one.before}
					for _, other := range []int{2, 3} {
						if w.of(m, other) != (said{}) {
							t.Errorf("got device %d forgotten too", other)
						}
					}
				}
				if sum != row.want {
					t.Errorf("got %+v forgotten, want %+v", sum, row.want)
				}
				w.sync()
				for period := w.period() - 1; period <= w.period(); period++ {
					if row.want != (said{}) && w.inState(returnID(1, period)) {
						t.Error("the device's return ids are still in the state folder")
					}
				}
				w.run(2 * spareWithin)
				if late := w.forgets()[before:]; len(late) != 2 {
					t.Errorf("got %d Forgets two hours later, want two still", len(late))
				}
				w.balanced()
			})
		})
	}
}

// TestForgetsOfAnExtendedStoreAreAlike: a registration that matches is as large as one that does not, whatever matches.
func TestForgetsOfAnExtendedStoreAreAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newExtended(t)
		w.visits(0, 1, 2, 3, 4)
		w.nextDay(1)
		w.visits(2, 3, 4, 5, 6)
		w.run(time.Second)
		matched := 0
		for n := range 12 { // 0 to 6 were here, 7 to 11 were not
			before, begun := len(w.kafka.stored()), time.Now()
			w.joins(tagOf(id(n)))
			w.run(4 * time.Second)
			now := w.kafka.stored()[before:]
			if len(now) != 1 || now[0].at.Sub(begun) > forgetWithin+10*time.Millisecond {
				t.Fatalf("device %d: got %d messages, want one within %v", n, len(now), forgetWithin)
			}
			if w.of(now[0], n) != (said{}) {
				matched++
			}
			raw, err := wire.Encode(now[0].e)
			if err != nil {
				t.Fatal(err)
			}
			plain := proto.CloneOf(now[0].e)
			plain.GetForget().Id, plain.GetForget().ReturnIds = 1, []uint64{2, 3}
			if size, err := wire.Encode(plain); err != nil || len(size) != len(raw) {
				t.Errorf("device %d: got %d bytes, want %d with any ids, %v", n, len(raw), len(size), err)
			}
		}
		if matched != 7 {
			t.Errorf("got %d registrations that matched, want 7", matched)
		}
		if got := w.box.kept.table.Len(); got != 0 {
			t.Errorf("got %d visits kept, want none", got)
		}
	})
}

// TestAStandardStoresForgetsHoldNoReturnIDs: their bytes are those of before policy extended.
func TestAStandardStoresForgetsHoldNoReturnIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.State = t.TempDir() })
		w.sights(id(1))
		w.run(time.Second)
		w.joins(tagOf(id(1)), 12345)
		w.run(4 * time.Second)
		got := w.forgets()
		if len(got) != 2 || has(got, id(1)) != 1 {
			t.Fatalf("got %d Forgets, want two and the match among them", len(got))
		}
		for _, m := range got {
			raw, err := wire.Encode(m.e)
			if err != nil {
				t.Fatal(err)
			}
			want, err := wire.Encode(&wire.Envelope{Header: m.e.Header, Body: &wire.Envelope_Forget{Forget: &wire.Forget{Id: m.e.GetForget().Id}}})
			if err != nil || !bytes.Equal(raw, want) {
				t.Errorf("got %x, want %x: nothing but an id, %v", raw, want, err)
			}
		}
		if files, err := os.ReadDir(w.opt.State); err != nil || len(files) != 0 {
			t.Errorf("got files %v in the state folder, %v, want none", files, err)
		}
	})
}

// TestWhatCouldNotBeTakenBackIsNotSent: the id goes out all the same.
func TestWhatCouldNotBeTakenBackIsNotSent(t *testing.T) {
	for _, row := range []struct {
		name    string
		prepare func(w *world)
		want    []uint64
	}{
		{"as it should be", func(*world) {}, []uint64{returnID(1, 80), returnID(1, 79), returnID(2, 80), returnID(2, 79)}},
		{"without a state folder", func(w *world) { w.box.kept.table = nil }, nil},
		{"on another day", func(w *world) { w.box.kept.table.BeginDay(w.cal.DayOf(w.now()) + 1) }, nil},
		{"of a device that is listed", func(w *world) { w.list.add(tagOf(id(1))) }, []uint64{returnID(2, 80), returnID(2, 79)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newExtended(t)
				row.prepare(w)
				w.visits(1, 2)
				messages, err := w.spool.Next(0, 1, maxBytes)
				if err != nil || len(messages) != 1 {
					t.Fatalf("got %d messages, %v, want one", len(messages), err)
				}
				e, err := wire.Decode(messages[0].Data)
				if err != nil {
					t.Fatal(err)
				}
				s := e.GetSightings()
				if len(s.Ids) != 2 || (s.ReturnPeriod == 0) != (row.want == nil) {
					t.Errorf("got %v, want both ids", s)
				}
				got := slices.Sorted(slices.Values(s.ReturnIds))
				equal(t, "return ids", got, slices.Sorted(slices.Values(row.want)))
				if held := 2 - len(row.want)/2; w.metric("footfall_outbox_return_ids_withheld_total", "") != held {
					t.Errorf("got %d withheld, want %d", w.metric("footfall_outbox_return_ids_withheld_total", ""), held)
				}
			})
		})
	}
}

// TestAForgetThatOutlivesItsDayTakesTheReturnIDsBackAllTheSame: Kafka is away until the day is sealed, and every Forget of then is made
// anew for today, those that matched nothing too.
func TestAForgetThatOutlivesItsDayTakesTheReturnIDsBackAllTheSame(t *testing.T) {
	for _, row := range []struct {
		name  string
		first int // days before the visit
		days  int // that Kafka is away
		want  said
	}{
		{"a day", 0, 1, said{false, true, true}},
		{"two days", 0, 2, said{false, true, true}},
		{"over the turn of the period", 14, 1, said{false, false, true}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newExtended(t)
				if row.first > 0 {
					w.nextDay(row.first)
				}
				w.visits(1)
				w.run(time.Second)
				w.kafka.set(always(errDown))
				w.joins(tagOf(id(1)), 777, 778)
				w.run(4 * time.Second)
				for range row.days {
					w.nextDay(1)
					w.run(5 * time.Second)
				}
				w.kafka.set(nil)
				w.confirm()
				w.run(2 * time.Minute)
				got := w.forgets()
				if len(got) != 3 {
					t.Fatalf("got %d Forgets, want the three records'", len(got))
				}
				var sum said
				for _, m := range got {
					if calendar.Day(m.e.Header.StoreDay) != w.cal.DayOf(w.now()) {
						t.Errorf("got a Forget of store-day %d, want today's", m.e.Header.StoreDay)
					}
					if one := w.of(m, 1); one != (said{}) {
						sum = one
					}
				}
				if sum != row.want {
					t.Errorf("got %+v forgotten, want %+v", sum, row.want)
				}
				w.balanced()
			})
		})
	}
}

func TestAStandardStoresForgetOfASealedDayIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.kafka.set(always(errDown))
		w.joins(777)
		w.run(4 * time.Second)
		w.nextDay(1)
		w.run(5 * time.Second)
		w.kafka.set(nil)
		w.run(time.Minute)
		if got := w.forgets(); len(got) != 0 || w.messages(outExpired) != 1 {
			t.Errorf("got %d Forgets, want none: nothing is left that it could take back", len(got))
		}
		w.balanced()
	})
}
