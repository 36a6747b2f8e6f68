package fleet

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
)

var noon = time.Date(2026, 1, 12, 12, 0, 0, 0, time.UTC)

// full is a state with everything in it.
func full() *wire.Envelope {
	return &wire.Envelope{
		Header: &wire.Header{Store: "berlin", Sensor: "door", Zone: "floor", Boot: 5, Sequence: 9, StoreDay: 2203, BaseMs: noon.UnixMilli(), OptoutVersion: 12, Policy: wire.Policy_POLICY_STANDARD},
		Body: &wire.Envelope_Heartbeat{Heartbeat: &wire.Heartbeat{
			MadeMs: noon.UnixMilli(), FailClosed: []string{"opt_out_list_stale"}, Trouble: []string{"opt_out_list_stale", "spool_full"},
			SpoolBytes: 4096, SpoolOldestMs: noon.Add(-time.Hour).UnixMilli(), OptoutAgeS: 30, Software: "footfall-sensor 1",
			Settings: &wire.Settings{
				SpoolIdAgeS: 21600, OptoutMaxAgeS: 172800, SealAfterS: 14400, InsideDbm: -70, FloorDbm: -90, Hours: "always open",
				TimeZone: "Europe/Berlin", ReturnEpsilon: 2, KeysDay: 2203, OptoutKeyCheck: 0x89abcdef,
			},
		}},
	}
}

func encode(t testing.TB, e *wire.Envelope) []byte {
	t.Helper()
	raw, err := wire.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestDecode(t *testing.T) {
	s, ok := decode([]byte("berlin/door"), encode(t, full()))
	want := &State{
		Store: "berlin", Sensor: "door", Zone: "floor", Policy: wire.Policy_POLICY_STANDARD, ListVersion: 12, ListAge: 30 * time.Second,
		Made: s.Made, FailClosed: []string{"opt_out_list_stale"}, Trouble: []string{"opt_out_list_stale", "spool_full"},
		SpoolBytes: 4096, SpoolOldest: s.SpoolOldest, Software: "footfall-sensor 1", boot: 5, sequence: 9,
		Settings: Settings{
			Known: true, SpoolIDAge: 6 * time.Hour, OptOutMaxAge: 48 * time.Hour, SealAfter: 4 * time.Hour, InsideDBM: -70, FloorDBM: -90,
			Hours: "always open", TimeZone: "Europe/Berlin", ReturnEpsilon: 2, KeysDay: 2203, OptOutKeyCheck: 0x89abcdef,
		},
	}
	if !ok || !reflect.DeepEqual(s, want) || !s.Made.Equal(noon) || !s.SpoolOldest.Equal(noon.Add(-time.Hour)) {
		t.Errorf("got %+v, want %+v", s, want)
	}
	old := full()
	old.GetHeartbeat().Settings, old.GetHeartbeat().SpoolOldestMs = nil, 0
	if s, ok := decode([]byte("berlin/door"), encode(t, old)); !ok || s.Settings != (Settings{}) || !s.SpoolOldest.IsZero() {
		t.Errorf("a sensor that says less: got %+v, want no settings and nothing held", s)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := encode(t, full())
	forget := &wire.Envelope{Header: full().Header, Body: &wire.Envelope_Forget{Forget: &wire.Forget{Id: 1}}}
	for _, row := range []struct {
		name, key string
		value     []byte
	}{
		{"text", "berlin/door", []byte("text")},
		{"cut", "berlin/door", good[:len(good)-3]},
		{"another kind", "berlin/door", encode(t, forget)},
		{"another sensor's key", "berlin/till", good},
		{"no key", "", good},
		{"half a key", "berlin", good},
	} {
		if s, ok := decode([]byte(row.key), row.value); ok {
			t.Errorf("%s: got %+v, want it refused", row.name, s)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("berlin/door"), encode(f, full()))
	f.Add([]byte("berlin/door"), []byte{})
	f.Add([]byte(""), []byte("text"))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		s, ok := decode(key, value)
		if !ok {
			return
		}
		if string(key) != keyOf(s.Store, s.Sensor) {
			t.Fatalf("got a state of %s/%s under another key", s.Store, s.Sensor)
		}
		for _, now := range []time.Time{{}, noon, time.UnixMilli(math.MaxInt64)} {
			if age, known := s.ListAgeAt(now); known && age < 0 {
				t.Fatalf("got a list %v old, want an age", age)
			}
			if s.Enforces(s.ListVersion, now) != s.Online(now) {
				t.Fatal("a sensor that is online does not enforce its own list")
			}
		}
	})
}

func TestOnline(t *testing.T) {
	for _, row := range []struct {
		name string
		made time.Duration // from now
		want bool
	}{
		{"now", 0, true},
		{"three minutes ago", -3 * time.Minute, true},
		{"longer ago", -3*time.Minute - time.Second, false},
		{"a clock that is a little ahead", 2 * time.Minute, true},
		{"a clock that is ahead", 2*time.Minute + time.Second, false},
		{"a clock of 1970", -56 * 365 * 24 * time.Hour, false},
	} {
		s := &State{ListVersion: 7, Made: noon.Add(row.made)}
		if got := s.Online(noon); got != row.want {
			t.Errorf("%s: got online %v, want %v", row.name, got, row.want)
		}
		if got := s.Enforces(7, noon); got != row.want {
			t.Errorf("%s: got its own version enforced %v, want %v", row.name, got, row.want)
		}
		if s.Enforces(8, noon) {
			t.Errorf("%s: got a version enforced that it does not have", row.name)
		}
	}
}

func TestListAgeAt(t *testing.T) {
	for _, row := range []struct {
		name  string
		state State
		age   time.Duration
		known bool
	}{
		{"never", State{ListAge: -time.Second, Made: noon}, 0, false},
		{"just now", State{Made: noon}, 0, true},
		{"confirmed before the state was made", State{ListAge: time.Hour, Made: noon.Add(-time.Minute)}, time.Hour + time.Minute, true},
		{"a clock that is ahead", State{ListAge: time.Hour, Made: noon.Add(time.Hour)}, time.Hour, true},
		{"nonsense", State{ListAge: math.MaxInt64, Made: noon.Add(-time.Hour)}, math.MaxInt64, true},
	} {
		if age, known := row.state.ListAgeAt(noon); age != row.age || known != row.known {
			t.Errorf("%s: got %v, %v, want %v, %v", row.name, age, known, row.age, row.known)
		}
	}
}

func TestFollows(t *testing.T) {
	before := &State{boot: 1, sequence: 5, Made: noon}
	for _, row := range []struct {
		name  string
		state State
		want  bool
	}{
		{"the next", State{boot: 1, sequence: 6}, true},
		{"the same again", State{boot: 1, sequence: 5}, true},
		{"an attempt that was given up arrives late", State{boot: 1, sequence: 4, Made: noon.Add(time.Hour)}, false},
		{"the sensor started again, its clock was set back", State{boot: 2, sequence: 0, Made: noon.Add(-time.Hour)}, true},
	} {
		if got := row.state.follows(before); got != row.want {
			t.Errorf("%s: got %v, want %v", row.name, got, row.want)
		}
	}
}

func TestReadAnotherTopicOfTheSameName(t *testing.T) {
	f := New()
	known := map[string]bool{"berlin/door": true, "berlin/till": true}
	m, err := f.newMetrics(Options{Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	message := broker.Message{Key: []byte("berlin/door"), Value: encode(t, full())}
	f.read(broker.Batch{Messages: []broker.Message{message}, Next: 1, End: 2}, known, m)
	if f.Progress(nil, 0, noon).Ready || len(f.States()) != 1 {
		t.Error("got a fleet that is ready before the end of the topic, or no state")
	}
	f.read(broker.Batch{Reset: true, Next: 0, End: 0}, known, m)
	if !f.Progress(nil, 0, noon).Ready || len(f.States()) != 0 {
		t.Error("got states of a topic that is gone, or a fleet that is not ready")
	}
}

func TestProgress(t *testing.T) {
	list, err := stores.Parse([]byte(`stores:
  - {id: a, time_zone: Etc/UTC, zones: [{id: floor, sensors: [{id: one}, {id: two}]}]}
  - {id: b, time_zone: Etc/UTC, zones: [{id: floor, sensors: [{id: one}]}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	const old = -time.Hour
	state := func(key string, version uint64, made, age time.Duration) map[string]*State {
		return map[string]*State{key: {ListVersion: version, Made: noon.Add(made), ListAge: age}}
	}
	for _, row := range []struct {
		name   string
		states []map[string]*State
		want   Progress
	}{
		{"nothing heard", nil, Progress{OldestList: -1}},
		{"all enforce it", []map[string]*State{state("a/one", 9, 0, 1), state("a/two", 8, 0, 2), state("b/one", 8, 0, 1)}, Progress{Online: 3, Enforcing: 3, StoresAnswered: 2, OldestList: 2}},
		{"one does not yet", []map[string]*State{state("a/one", 8, 0, 1), state("a/two", 7, 0, 1), state("b/one", 8, 0, 1)}, Progress{Online: 3, Enforcing: 2, StoresAnswered: 1, OldestList: 1}},
		{"one that is offline is not waited for", []map[string]*State{state("a/one", 8, 0, 1), state("a/two", 7, old, 1), state("b/one", 8, 0, 1)}, Progress{Online: 2, Enforcing: 2, StoresAnswered: 2, OldestList: time.Hour + 1}},
		{"one offline under the version counts for nothing", []map[string]*State{state("b/one", 8, old, 0)}, Progress{OldestList: time.Hour}},
		{"one that was never heard of is not waited for", []map[string]*State{state("a/one", 8, 0, 1)}, Progress{Online: 1, Enforcing: 1, StoresAnswered: 1, OldestList: 1}},
		{"a clock that is ahead", []map[string]*State{state("b/one", 8, time.Hour, 1)}, Progress{OldestList: 1}},
		{"a list that was never read", []map[string]*State{state("b/one", 0, 0, -time.Second)}, Progress{Online: 1, OldestList: -1}},
		{"a sensor of no store", []map[string]*State{state("c/one", 8, 0, time.Hour)}, Progress{OldestList: -1}},
	} {
		f := New()
		for _, states := range row.states {
			for key, s := range states {
				f.states[key] = s
			}
		}
		row.want.Sensors, row.want.Stores = 3, 2
		if got := f.Progress(list, 8, noon); got != row.want {
			t.Errorf("%s: got %+v, want %+v", row.name, got, row.want)
		}
	}
}
