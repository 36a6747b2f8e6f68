package notice

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/lifetime"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/status"
)

func TestThePolicyInForceIsTheOneThatKeepsMost(t *testing.T) {
	const none, count, standard, extended = wire.Policy_POLICY_UNSPECIFIED, wire.Policy_POLICY_COUNT_ONLY, wire.Policy_POLICY_STANDARD, wire.Policy_POLICY_EXTENDED
	for name, row := range map[string]struct {
		store         wire.Policy
		sensors       []wire.Policy
		want          string
		filter, codes bool
	}{
		"nobody reported":                  {standard, nil, Standard, true, false},
		"all alike":                        {count, []wire.Policy{count, count}, CountOnly, false, false},
		"a sensor still keeps more":        {count, []wire.Policy{standard, count}, Standard, true, false},
		"a sensor still keeps return ids":  {standard, []wire.Policy{extended, standard}, Extended, true, true},
		"only sensors of extended":         {extended, []wire.Policy{extended, extended}, Extended, false, true},
		"a sensor does not keep so much":   {standard, []wire.Policy{count, count}, Standard, true, false},
		"a sensor that says nothing of it": {count, []wire.Policy{none}, CountOnly, false, false},
		"a policy of a newer version":      {standard, []wire.Policy{9}, Standard, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			in := base(Standard)
			in.Store.Policy, in.Sensors = row.store, nil
			for i, p := range row.sensors {
				in.Sensors = append(in.Sensors, Sensor{ID: in.Store.Sensors[i].ID, Policy: p}) // offline, and of unknown settings
			}
			r := Gather(in).Rules
			if r.Policy != row.want || r.ReturnFilter != row.filter || r.ReturnCodes != row.codes {
				t.Errorf("got %s, filter %v, codes %v, want %s, %v, %v", r.Policy, r.ReturnFilter, r.ReturnCodes, row.want, row.filter, row.codes)
			}
		})
	}
}

func TestTheLargestSettingsCount(t *testing.T) {
	in := base(Standard)
	in.Sensors[0].SpoolIDAge, in.Sensors[0].SealAfter, in.Sensors[0].OptOutMaxAge = 2*time.Hour, 9*time.Hour, 12*time.Hour
	in.Sensors[1].SpoolIDAge, in.Sensors[1].InsideDBM, in.Sensors[1].FloorDBM, in.Sensors[1].ReturnEpsilon = 11*time.Hour, -65, -80, 3
	r := Gather(in).Rules
	life := lifetime.Of(9*time.Hour, 11*time.Hour, 25*time.Hour) // of Berlin
	if time.Duration(r.OnlineLife) != life.Online || time.Duration(r.LongestLife) != life.Longest {
		t.Errorf("got %v and %v, want %v and %v", time.Duration(r.OnlineLife), time.Duration(r.LongestLife), life.Online, life.Longest)
	}
	if time.Duration(r.OptOutMaxAge) != 48*time.Hour || r.InsideDBM != -70 || r.FloorDBM != -90 || r.ReturnEpsilon != 3 {
		t.Errorf("got %+v, want the largest of each", r)
	}
	if got, want := r.OddsBound, 20.1; got != want {
		t.Errorf("odds: got %v, want e^3 up to the next tenth, %v", got, want)
	}
	if r.OddsBound < math.Exp(r.ReturnEpsilon) {
		t.Error("the bound is under e^epsilon")
	}
}

func TestDefaultsStandInForWhatIsNotKnown(t *testing.T) {
	in := base(Standard)
	for i := range in.Sensors {
		in.Sensors[i].SpoolIDAge, in.Sensors[i].OptOutMaxAge, in.Sensors[i].InsideDBM, in.Sensors[i].FloorDBM = time.Hour, time.Hour, -65, -80
	}
	known := Gather(in)
	if got := time.Duration(known.Rules.SpoolIDAge); got != time.Hour || known.Now.Known != 2 {
		t.Errorf("all known: got %v and %d, want an hour and 2", got, known.Now.Known)
	}
	in.Sensors = in.Sensors[:1]
	some := Gather(in)
	if got, want := time.Duration(some.Rules.SpoolIDAge), agent.DefaultIDAge; got != want || some.Now.Known != 1 {
		t.Errorf("one known: got %v and %d, want %v and 1", got, some.Now.Known, want)
	}
	in.Sensors = nil
	none := Gather(in).Rules
	if none.InsideDBM != agent.DefaultRSSIInside || none.FloorDBM != agent.DefaultRSSIFloor || time.Duration(none.OptOutMaxAge) != agent.OptOutMaxAge {
		t.Errorf("none known: got %+v, want the defaults", none)
	}
	in = base(Standard)
	in.Sensors[0].ReturnEpsilon, in.Sensors[1].ReturnEpsilon = math.NaN(), math.Inf(1)
	if got := Gather(in).Rules.ReturnEpsilon; got != 2 {
		t.Errorf("epsilon that is no number: got %v, want the store's 2", got)
	}
}

func TestHowThingsStandNow(t *testing.T) {
	sunday := noon.Add(-24 * time.Hour)
	for name, row := range map[string]struct {
		change func(*Input)
		want   Now
	}{
		"listening":          {func(*Input) {}, Now{State: Listening, Asked: true, Online: 2, Known: 2}},
		"one sensor offline": {func(in *Input) { in.Sensors[0].Online = false }, Now{State: Listening, Asked: true, Online: 1, Known: 2}},
		"silent":             {func(in *Input) { in.Sensors = nil }, Now{State: Silent, Asked: true}},
		"not asked":          {func(in *Input) { in.Asked, in.Sensors = false, nil }, Now{State: NotAsked}},
		"closed":             {func(in *Input) { in.Now = sunday }, Now{State: Closed, Asked: true, Online: 2, Known: 2}},
		"closed, not asked":  {func(in *Input) { in.Now, in.Asked, in.Sensors = sunday, false, nil }, Now{State: Closed}},
		"closed, but a sensor does not know": {func(in *Input) { in.Now, in.Sensors[0].Hours = sunday, "always open" },
			Now{State: Listening, Asked: true, Online: 2, Known: 2}},
		"closed, but a sensor's hours cannot be read": {func(in *Input) { in.Now, in.Sensors[0].Hours = sunday, "whenever" },
			Now{State: Listening, Asked: true, Online: 2, Known: 2}},
		"closed, and a sensor's hours are empty": {func(in *Input) { in.Now, in.Sensors[0].Hours = sunday, "" },
			Now{State: Closed, Asked: true, Online: 2, Known: 2}},
		"fails closed": {func(in *Input) { in.Sensors[0].FailClosed = []string{"opt_out_list_stale", "clock_jumped"} },
			Now{State: Listening, Asked: true, Online: 2, Known: 2, CountOnly: 1, Reasons: []string{ReasonClock, ReasonList}}},
		"both fail closed for one reason": {func(in *Input) {
			in.Sensors[0].FailClosed, in.Sensors[1].FailClosed = []string{"key_gap"}, []string{"keys_unsaved"}
		},
			Now{State: Listening, Asked: true, Online: 2, Known: 2, CountOnly: 2, Reasons: []string{ReasonKeys}}},
		"failed closed before it went offline": {func(in *Input) { in.Sensors[0].FailClosed, in.Sensors[0].Online = []string{"key_gap"}, false },
			Now{State: Listening, Asked: true, Online: 1, Known: 2}},
		"a sensor of no store, and one twice": {func(in *Input) { in.Sensors = append(in.Sensors, Sensor{ID: "stranger", Online: true}, in.Sensors[0]) },
			Now{State: Listening, Asked: true, Online: 2, Known: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			in := base(Standard)
			row.change(&in)
			got := Gather(in).Now
			want := row.want
			want.At, want.Sensors, want.OneIn = in.Now.In(in.Store.Calendar.Location()).Truncate(time.Minute), 2, 260000
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestEveryTroubleThatFailsClosedHasAReason(t *testing.T) {
	for _, trouble := range status.Troubles() {
		if got := reasons([]string{string(trouble)}); trouble.FailsClosed() && slices.Contains(got, ReasonOther) {
			t.Errorf("%s: got %v, want a reason of its own", trouble, got)
		}
	}
	if got := reasons([]string{"what a newer sensor says"}); !slices.Equal(got, []string{ReasonOther}) {
		t.Errorf("got %v, want the reason for all else", got)
	}
}

func TestOverExclusion(t *testing.T) {
	for tags, want := range map[int]int64{
		-1: -1, -7: -1, 0: 0, 1: 260_000_000, 7: 38_000_000, 1000: 260_000, 100_000: 2600, 1_000_000: 260, 10_000_000: 26, 100_000_000: 2, 1 << 28: 1, 1 << 29: 1,
	} {
		if got := overExclusion(tags); got != want {
			t.Errorf("%d tags: got 1 in %d, want %d", tags, got, want)
		}
	}
}

func TestOtherHoursAreSaidOnce(t *testing.T) {
	in := base(Standard)
	in.Sensors[0].Hours, in.Sensors[1].Hours = "always open", "always open"
	in.Sensors[1].TimeZone = ""
	got := Gather(in).Rules.OtherHours
	if want := []Opening{{"always open", "Europe/Berlin"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	in.Sensors[0].TimeZone = "no zone\x1b[2J"
	d := document(t, Gather(in), "en")
	if text := d.Text(200); strings.ContainsRune(text, 0x1b) || !strings.Contains(text, "(no zone [2J): always open") {
		t.Errorf("got %q, want it without control characters", text)
	}
}

func TestHours(t *testing.T) {
	s := &speaker{texts: mustTexts(t, "en")}
	for name, row := range map[string]struct {
		hours map[string]string
		want  []string
	}{
		"always":         {nil, []string{"always open"}},
		"never":          {map[string]string{}, []string{"Monday to Sunday: closed"}},
		"every day":      {map[string]string{"mon-sun": "09:00-20:00"}, []string{"Monday to Sunday: 09:00–20:00"}},
		"a usual week":   {map[string]string{"mon-fri": "09:00-20:00", "sat": "09:00-13:00,14:00-18:00"}, []string{"Monday to Friday: 09:00–20:00", "Saturday: 09:00–13:00, 14:00–18:00", "Sunday: closed"}},
		"past midnight":  {map[string]string{"fri-sat": "18:00-02:00"}, []string{"Monday to Thursday: closed", "Friday to Saturday: 18:00–02:00", "Sunday: closed"}},
		"until midnight": {map[string]string{"mon-sun": "10:00-24:00"}, []string{"Monday to Sunday: 10:00–00:00"}},
	} {
		hours := stores.Hours{}
		if row.hours != nil {
			hours = hoursOf(row.hours)
		}
		if got := s.opening(hours.String()); !slices.Equal(got, row.want) {
			t.Errorf("%s: got %q, want %q", name, got, row.want)
		}
		read, ok := readHours(hours.String())
		for minute := 0; ok && minute < 7*24*60; minute += 15 {
			at := time.Date(2026, 11, 23, 0, minute, 0, 0, time.UTC)
			if read.open(at) != hours.Open(at) {
				t.Fatalf("%s: read back, it is %v at %v", name, read.open(at), at)
			}
		}
		if !ok {
			t.Errorf("%s: %q cannot be read back", name, hours)
		}
	}
	for _, text := range []string{"", "mon: 09:00-20:00", "mon", ";;;;;;", "mon: x; tue: x; wed: x; thu: x; fri: x; sat: x; sun: x", "mon: ; tue: ; wed: ; thu: ; fri: ; sat: ; sun: "} {
		if _, ok := readHours(text); ok {
			t.Errorf("%q was taken for opening hours", text)
		}
	}
}

func FuzzReadHours(f *testing.F) {
	f.Add("always open")
	f.Add("mon: 09:00-20:00; tue: closed; wed: closed; thu: closed; fri: 18:00-02:00; sat: 09:00-13:00,14:00-18:00; sun: closed")
	s := &speaker{texts: mustTexts(f, "en")}
	f.Fuzz(func(t *testing.T, text string) {
		if w, ok := readHours(text); ok {
			w.open(noon)
		}
		for _, line := range s.opening(text) {
			if line == "" {
				t.Errorf("an empty line of %q", text)
			}
		}
	})
}

func TestOrgCheck(t *testing.T) {
	good := Org{"Example Retail", "privacy@example.org", "https://optout.example.org/"}
	for name, row := range map[string]struct {
		change func(*Org)
		want   []string
	}{
		"good":              {func(*Org) {}, nil},
		"a path of its own": {func(o *Org) { o.URL = "https://example.org/out" }, nil},
		"a query":           {func(o *Org) { o.URL = "https://example.org/out?x=1" }, []string{"not the address of a page"}},
		"a fragment":        {func(o *Org) { o.URL = "https://example.org/#x" }, []string{"not the address of a page"}},
		"nothing":           {func(o *Org) { *o = Org{} }, []string{"controller: it is missing", "contact: it is missing", "url: it is missing"}},
		"only spaces":       {func(o *Org) { o.Contact = "  " }, []string{"contact: it is missing: write how"}},
		"too long":          {func(o *Org) { o.Controller = strings.Repeat("ä", 201) }, []string{"controller: it is longer than 200"}},
		"two lines":         {func(o *Org) { o.Contact = "a\nb" }, []string{"contact: it is more than one line"}},
		"a script":          {func(o *Org) { o.URL = "javascript:alert(1)" }, []string{"not the address of a page"}},
		"no host":           {func(o *Org) { o.URL = "https:///x" }, []string{"not the address of a page"}},
		"a password":        {func(o *Org) { o.URL = "https://a:b@example.org" }, []string{"not the address of a page"}},
	} {
		o := good
		row.change(&o)
		errs := o.Check()
		if len(errs) != len(row.want) {
			t.Errorf("%s: got %v, want %d errors", name, errs, len(row.want))
			continue
		}
		for i, want := range row.want {
			if !strings.Contains(errs[i].Error(), want) {
				t.Errorf("%s: got %q, want %q in it", name, errs[i], want)
			}
		}
	}
}

func TestFactsGoThroughJSON(t *testing.T) {
	for i, in := range configurations(100, 4) {
		f := Gather(in)
		raw, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var back Facts
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back.Rules, f.Rules) || back.Rules.Digest() != f.Rules.Digest() || !back.Now.At.Equal(f.Now.At) {
			t.Errorf("configuration %d: got %+v, want %+v", i, back, f)
		}
	}
	if got := (Rules{}).Digest(); len(got) != 64 {
		t.Errorf("got the digest %q, want 64 digits", got)
	}
	var s Span
	if s.UnmarshalText([]byte("soon")) == nil {
		t.Error("a span of no length was taken")
	}
}
