package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// TestNoValueOf16BitsOrMoreDerivedFromOneAddressIsEqualOnBothStoreDays compares what leaves the sensor, and what of it is in
// ClickHouse, on two store-days on which the same phones come. The claim needs two answers:
//
// What is derived from an address at all? The same phones, keys, places and times under other addresses (and asking for other
// networks) give the same messages, number for number, but for the ids; the five return bits, and how many ones the noisy
// filters had as the day began (one account for all of a sensor's day, so not a phone's); and the boot id (which is made of the
// whole capture file, once for both days, and names the file). So nothing else that is sent is derived from an address, be it
// long or short.
//
// Are those equal on both days? Each phone's ids, which the test knows from a spare of the keys, are exactly the ids that were
// sent; none is sent on both days, and the two of a phone have no more bits in common than chance gives them. The return bits
// are five, the named exception. To be sure, no number beyond 65,535, in any field of any message or any column of any row in
// ClickHouse, stands on both days, except times between two sightings, which the first answer clears, and the boot id.
func TestNoValueOf16BitsOrMoreDerivedFromOneAddressIsEqualOnBothStoreDays(t *testing.T) {
	list := newCanaries(1000, 1)
	j := newJourney(t, list)
	j.open()
	messages := j.everythingSent()

	t.Run("nothing but ids and return bits is derived from an address", func(t *testing.T) { j.sameUnderOtherAddresses(t, messages) })
	var ids [2][]uint64
	for i, day := range twoDays {
		if err := j.spare.Advance(day); err != nil {
			t.Fatal(err)
		}
		ids[i] = idsOf(j.spare, inside(list))
	}
	t.Run("the ids of the two days have nothing in common", func(t *testing.T) { differentIDs(t, messages, ids) })
	t.Run("return bits are five, and the filters' ones are the day's", func(t *testing.T) { onlyFiveReturnBits(t, messages) })
	t.Run("no field of the messages is equal on both days", func(t *testing.T) { differentFields(t, messages) })
	t.Run("no column in ClickHouse is equal on both days", func(t *testing.T) { differentColumns(t, j.everyTable("JSONEachRow"), ids) })
}

// sameUnderOtherAddresses sends the same captures under other addresses and SSIDs through a sensor with the same keys.
func (j *journey) sameUnderOtherAddresses(t *testing.T, messages []sent) {
	cfg := broker.Config{Brokers: j.brokers, ClientID: "test"}
	var from [2]int64
	for i, topic := range []string{broker.Sightings, broker.Counters} {
		end, err := broker.EndOffset(t.Context(), cfg, topic, 0)
		if err != nil {
			t.Fatal(err)
		}
		from[i] = end
	}
	boxes, _ := j.fleet(j.stores[0], "other", 1)
	boxes[0].run(j.files("other", renamed(j.list, 2), 1)...)
	others := append(j.sentFrom(broker.Sightings, from[0]), j.sentFrom(broker.Counters, from[1])...)
	if len(messages) != len(others) || len(messages) < 20 {
		t.Fatalf("got %d messages under other addresses, want %d", len(others), len(messages))
	}
	ids, same := map[uint64]bool{}, 0
	for i := range messages {
		got, want := withoutAddresses(t, others[i].envelope), withoutAddresses(t, messages[i].envelope)
		if got != want {
			t.Fatalf("message %d depends on the addresses in more than its ids:\n got %.2000s\nwant %.2000s", i, got, want)
		}
		for _, id := range messages[i].envelope.GetSightings().GetIds() {
			ids[id] = true
		}
		for _, id := range others[i].envelope.GetSightings().GetIds() {
			if ids[id] {
				same++
			}
		}
	}
	if same > 0 || len(ids) == 0 {
		t.Errorf("%d of %d ids are the same under other addresses, want none", same, len(ids))
	}
}

// withoutAddresses writes an envelope without what is known to be derived from addresses: ids, and their order; the return bits
// and the numbers of ones that their noise depends on; the boot id. That an id had an answer stays.
func withoutAddresses(t *testing.T, e *wire.Envelope) string {
	t.Helper()
	e = proto.Clone(e).(*wire.Envelope)
	e.Header.Boot = 0
	var runs []string
	if s := e.GetSightings(); s != nil {
		var run wire.Run
		for all := s.Runs(); all.Next(&run); {
			runs = append(runs, fmt.Sprint(run.DeltasMS, run.Bands, run.HasAnswer))
		}
		slices.Sort(runs)
		s.Ids, s.Counts, s.OffsetsMs, s.Bands, s.AnswerOf, s.Answers, s.FilterOnes = nil, nil, nil, nil, nil, nil, nil
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x %s", raw, runs)
}

// differentIDs looks at each phone's two ids.
func differentIDs(t *testing.T, messages []sent, ids [2][]uint64) {
	onAir := sentIDs(messages)
	for i, day := range twoDays {
		got, want := onAir[storeDay{"north", day}], map[uint64]bool{}
		for _, id := range ids[i] {
			want[id] = true
		}
		if len(want) != 400 || !maps.Equal(got, want) {
			t.Errorf("%s: %d ids were sent, want the %d of the stable canaries that were inside, and no other", day, len(got), len(want))
		}
		both := 0
		for id := range got {
			if onAir[storeDay{"north", twoDays[1-i]}][id] {
				both++
			}
		}
		if both > 0 {
			t.Errorf("%d ids of %s were sent on both days, want none", both, day)
		}
	}
	// A value cut out of an id counts too. Two independent ids have the same 16 bits at one of the 49 places in 1 of 1,340 pairs,
	// the same 32 bits in 1 of 130 million.
	short, long := 0, 0
	for k := range ids[0] {
		differ := ids[0][k] ^ ids[1][k]
		for at := range 49 {
			if differ>>at&(1<<16-1) == 0 {
				short++
			}
		}
		for at := range 33 {
			if differ>>at&(1<<32-1) == 0 {
				long++
			}
		}
	}
	if short > 8 || long > 0 {
		t.Errorf("phones' ids of both days have %d stretches of 16 and %d of 32 bits in common, want about 0.3 and 0", short, long)
	}
}

// onlyFiveReturnBits looks at what stands beside an id: whatever is not the same for all of the day is five bits short.
func onlyFiveReturnBits(t *testing.T, messages []sent) {
	ones, answers := map[calendar.Day]map[string]bool{}, 0
	for _, m := range messages {
		s := m.envelope.GetSightings()
		for _, a := range s.GetAnswers() {
			if answers++; a >= 1<<5 {
				t.Fatalf("an answer of the return filters is %#x, want five bits", a)
			}
		}
		if len(s.GetFilterOnes()) > 0 {
			day := calendar.Day(m.envelope.Header.StoreDay)
			if ones[day] == nil {
				ones[day] = map[string]bool{}
			}
			ones[day][fmt.Sprint(s.FilterOnes, s.LookbackWeeks, s.FilterNew)] = true
		}
	}
	for _, day := range twoDays {
		if len(ones[day]) != 1 {
			t.Errorf("%s: %d different accounts of the filters were sent, want the one of the day's beginning", day, len(ones[day]))
		}
	}
	if answers < 400 {
		t.Errorf("got %d answers, want one for each visitor and day", answers)
	}
}

// timesBetween are the fields of messages in which a number may stand on both days, because it is not derived from an address.
var timesBetween = []protoreflect.Name{"offsets_ms", "boot"}

// differentFields compares every number and every text of 16 bits or more in the messages, field by field.
func differentFields(t *testing.T, messages []sent) {
	numbers := map[calendar.Day]map[string]bool{twoDays[0]: {}, twoDays[1]: {}}
	for _, m := range messages {
		day := calendar.Day(m.envelope.Header.StoreDay)
		eachNumber(m.envelope.ProtoReflect(), func(field protoreflect.FieldDescriptor, n uint64) {
			if n >= 1<<16 && !slices.Contains(timesBetween, field.Name()) {
				numbers[day][fmt.Sprintf("%s %d", field.FullName(), n)] = true
			}
		})
	}
	for n := range numbers[twoDays[0]] {
		if numbers[twoDays[1]][n] {
			t.Errorf("%s was sent on both days", n)
		}
	}
	if len(numbers[twoDays[0]]) < 400 || len(numbers[twoDays[1]]) < 400 {
		t.Errorf("only %d and %d numbers were compared: the ids alone are 400 a day", len(numbers[twoDays[0]]), len(numbers[twoDays[1]]))
	}
}

// eachNumber goes through a message's numbers, deep. Bytes of the wire hold small numbers, one each: bands and return bits.
func eachNumber(m protoreflect.Message, each func(protoreflect.FieldDescriptor, uint64)) {
	one := func(field protoreflect.FieldDescriptor, v protoreflect.Value) {
		switch x := v.Interface().(type) {
		case protoreflect.Message:
			eachNumber(x, each)
		case uint32:
			each(field, uint64(x))
		case uint64:
			each(field, x)
		case int32:
			each(field, uint64(max(x, -x))) // a signal strength in dBm is a small number too
		case int64:
			each(field, uint64(max(x, -x)))
		case []byte:
			for _, b := range x {
				each(field, uint64(b))
			}
		}
	}
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if field.IsList() {
			for i := range v.List().Len() {
				one(field, v.List().Get(i))
			}
		} else {
			one(field, v)
		}
		return true
	})
}

var anyNumber = regexp.MustCompile(`\d+`)

// differentColumns compares the numbers of 16 bits or more in the rows of each day, and looks where the ids are. Dates and times
// are left out: they are the day's.
func differentColumns(t *testing.T, tables []byte, ids [2][]uint64) {
	known := map[string]int{}
	for i := range ids {
		for _, id := range ids[i] {
			known[strconv.FormatUint(id, 10)] = i
		}
	}
	numbers, devices, table := [2]map[string]string{{}, {}}, [2]int{}, ""
	for line := range strings.Lines(string(tables)) {
		if strings.HasPrefix(line, "<") {
			table = strings.TrimSpace(line)
			continue
		}
		var row map[string]any
		dec := json.NewDecoder(strings.NewReader(line))
		dec.UseNumber()
		if err := dec.Decode(&row); err != nil {
			t.Fatalf("%s: %v", table, err)
		}
		at := slices.IndexFunc(twoDays[:], func(d calendar.Day) bool { return row["store_day"] == d.String() })
		for column, value := range row {
			for _, n := range numbersOf(value) {
				if day, ok := known[n]; ok {
					if devices[day]++; table != "<footfall.device_days>" || column != "id" || day != at {
						t.Errorf("an id of %s stands in %s.%s", twoDays[day], table, column)
					}
				}
				if x, err := strconv.ParseUint(n, 10, 64); at >= 0 && (err != nil || x >= 1<<16) {
					numbers[at][n] = table + " " + column
				}
			}
		}
	}
	for n, where := range numbers[0] {
		if also := numbers[1][n]; also != "" {
			t.Errorf("%s stands on both days: in %s and in %s", n, where, also)
		}
	}
	if devices != [2]int{400, 400} {
		t.Errorf("got %d ids in ClickHouse, want 400 a day: the comparison would prove little", devices)
	}
}

// numbersOf are the whole numbers in a value of a row. A text that is a date or a time has none.
func numbersOf(value any) []string {
	switch x := value.(type) {
	case json.Number:
		whole, _, _ := strings.Cut(x.String(), ".")
		return []string{strings.TrimPrefix(whole, "-")}
	case string:
		if len(x) >= 10 && x[4:5] == "-" && x[7:8] == "-" {
			return nil
		}
		return anyNumber.FindAllString(x, -1)
	case []any:
		var out []string
		for _, e := range x {
			out = append(out, numbersOf(e)...)
		}
		return out
	case map[string]any:
		var out []string
		for _, e := range x {
			out = append(out, numbersOf(e)...)
		}
		return out
	}
	return nil
}

// TestTheSameAddressHasAnotherIDInEachStoreAndOnEachStoreDay lets the same phones come to two stores on two store-days: four ids
// for each, all different. Two sensors of one store agree, or a visit could not be put together.
func TestTheSameAddressHasAnotherIDInEachStoreAndOnEachStoreDay(t *testing.T) {
	list := newCanaries(300, 4)
	b := newBenchOf(t, privacyStores)
	j := &journey{bench: b, captures: t.TempDir()}
	north, northKeys := b.fleet(b.stores[0], "north", 1)
	south, southKeys := b.fleet(b.stores[1], "south", 2)
	files := j.files("all", list, 1)
	onAir := map[string]map[storeDay]map[uint64]bool{}
	for _, x := range []*box{north[0], north[1], south[0]} {
		before, err := broker.EndOffset(t.Context(), broker.Config{Brokers: b.brokers}, broker.Sightings, 0)
		if err != nil {
			t.Fatal(err)
		}
		x.run(files...)
		onAir[x.sensor] = sentIDs(b.sentFrom(broker.Sightings, before))
	}
	owner := map[uint64]string{}
	for _, day := range twoDays {
		for store, spare := range map[string]struct {
			advance func(calendar.Day) error
			ids     func() []uint64
			sensor  string
		}{
			"north": {northKeys.Advance, func() []uint64 { return idsOf(northKeys, inside(list)) }, "door"},
			"south": {southKeys.Advance, func() []uint64 { return idsOf(southKeys, inside(list)) }, "gate"},
		} {
			if err := spare.advance(day); err != nil {
				t.Fatal(err)
			}
			got := onAir[spare.sensor][storeDay{store, day}]
			if len(got) != len(inside(list)) {
				t.Errorf("%s sent %d ids for %s, want one for each of %d phones", store, len(got), day, len(inside(list)))
			}
			for k, id := range spare.ids() {
				if !got[id] {
					t.Errorf("%s, %s: phone %d's id was not sent", store, day, k)
				}
				if other, ok := owner[id]; ok {
					t.Errorf("%s, %s: phone %d has the id of %s", store, day, k, other)
				}
				owner[id] = fmt.Sprintf("phone %d at %s on %s", k, store, day)
			}
		}
		if at := (storeDay{"north", day}); !maps.Equal(onAir["door"][at], onAir["shelf"][at]) {
			t.Errorf("%s: the two sensors of a store do not agree about the ids", day)
		}
	}
	if got, want := len(owner), 4*len(inside(list)); got != want {
		t.Errorf("got %d different ids, want %d: one for each phone, store and store-day", got, want)
	}
}
