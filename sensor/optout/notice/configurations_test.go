package notice

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
)

var noon = time.Date(2026, 11, 23, 11, 30, 20, 0, time.UTC) // a Monday, 12:30 in Berlin

func policyOf(name string) wire.Policy {
	return map[string]wire.Policy{CountOnly: wire.Policy_POLICY_COUNT_ONLY, Standard: wire.Policy_POLICY_STANDARD, Extended: wire.Policy_POLICY_EXTENDED}[name]
}

func hoursOf(text map[string]string) stores.Hours {
	h, errs := stores.ParseHours(text)
	if len(errs) > 0 {
		panic(errs) // the tests' own hours
	}
	return h
}

func calendarOf(zone string) calendar.Calendar {
	c, err := calendar.New(zone)
	if err != nil {
		panic(err) // the tests' own zone
	}
	return c
}

// base is a store with two sensors, both online and working as configured. No text of it has a digit.
func base(policy string) Input {
	store := stores.Store{
		ID: "demo", Name: "Demo Street", Zone: "Europe/Berlin", Calendar: calendarOf("Europe/Berlin"), Policy: policyOf(policy),
		Hours:     hoursOf(map[string]string{"mon-fri": "09:00-20:00", "sat": "09:00-13:00,14:00-18:00"}),
		SealAfter: 4 * time.Hour, ReturnEpsilon: 2, Sensors: []stores.Sensor{{ID: "door", Zone: "shop", Entrance: true}, {ID: "till", Zone: "shop"}},
	}
	in := Input{
		Store: store, Org: Org{"Example Retail", "privacy@example.org", "https://optout.example.org/"},
		Asked: true, Registrations: 1000, Now: noon, LegalBasis: "consent of the members of the club, recorded by the board",
	}
	for _, s := range store.Sensors {
		in.Sensors = append(in.Sensors, Sensor{
			ID: s.ID, Zone: s.Zone, Online: true, Policy: store.Policy, KnowsSettings: true, SpoolIDAge: 6 * time.Hour, OptOutMaxAge: 48 * time.Hour,
			SealAfter: 4 * time.Hour, InsideDBM: -70, FloorDBM: -90, Hours: store.Hours.String(), TimeZone: store.Zone, ReturnEpsilon: 2,
		})
	}
	return in
}

// configurations are made-up stores with made-up sensors, the same for the same seed.
func configurations(n int, seed uint64) []Input {
	r := rand.New(rand.NewPCG(seed, 7))
	policies := []wire.Policy{wire.Policy_POLICY_COUNT_ONLY, wire.Policy_POLICY_STANDARD, wire.Policy_POLICY_EXTENDED}
	zones := []string{"Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"}
	hours := []stores.Hours{
		{}, hoursOf(map[string]string{"mon-sun": "08:15-19:45"}), hoursOf(map[string]string{"fri-sun": "18:00-02:30"}), hoursOf(map[string]string{"mon": "closed", "wed": "07:00-24:00"}),
	}
	spans := []time.Duration{time.Minute, time.Hour, 90 * time.Minute, 6 * time.Hour, 11*time.Hour + 7*time.Minute}
	var out []Input
	for range n {
		in := base(Standard)
		zone := zones[r.IntN(len(zones))]
		in.Store.Policy, in.Store.Zone, in.Store.Calendar = policies[r.IntN(3)], zone, calendarOf(zone)
		in.Store.Hours, in.Store.SealAfter = hours[r.IntN(len(hours))], time.Duration(r.IntN(25))*time.Hour
		in.Store.ReturnEpsilon = float64(1+r.IntN(12)) / 4
		in.Now, in.Embedded, in.Asked = noon.Add(time.Duration(r.IntN(14*24*60))*time.Minute), r.IntN(2) == 0, r.IntN(4) > 0
		in.Registrations = []int{-1, 0, 1, 7, 1234, 1_000_000, 1 << 28}[r.IntN(7)]
		if r.IntN(3) == 0 {
			in.LegalBasis = ""
		}
		kept := in.Sensors[:0]
		for _, s := range in.Sensors {
			s.Policy = in.Store.Policy
			if r.IntN(4) == 0 {
				s.Policy = policies[r.IntN(3)]
			}
			s.Online, s.KnowsSettings = r.IntN(3) > 0, r.IntN(4) > 0
			if s.KnowsSettings {
				s.SpoolIDAge, s.OptOutMaxAge, s.SealAfter = spans[r.IntN(5)], time.Duration(12+r.IntN(60))*time.Hour, in.Store.SealAfter
				s.InsideDBM, s.FloorDBM = -75+5*r.IntN(3), -90+r.IntN(10)
				s.Hours, s.TimeZone, s.ReturnEpsilon = in.Store.Hours.String(), zone, in.Store.ReturnEpsilon
				if r.IntN(5) == 0 {
					s.Hours, s.TimeZone, s.ReturnEpsilon, s.SealAfter = hours[r.IntN(4)].String(), zones[r.IntN(4)], 3, 5*time.Hour
				}
			}
			if r.IntN(3) == 0 {
				s.FailClosed = []string{[]string{"opt_out_list_stale", "clock_jumped", "key_gap", "a_new_one"}[r.IntN(4)]}
			}
			if in.Asked && r.IntN(5) > 0 {
				kept = append(kept, s)
			}
		}
		in.Sensors = kept
		out = append(out, in)
	}
	return out
}

// ruleField is a field of Rules with a value that is not zero.
type ruleField struct {
	name  string
	value any
}

func ruleFields() []ruleField {
	r := reflect.ValueOf(Gather(base(Extended)).Rules)
	var out []ruleField
	for _, field := range reflect.VisibleFields(r.Type()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		out = append(out, ruleField{name, another(r.FieldByIndex(field.Index)).Interface()})
	}
	return out
}

// another is a value of the type that differs.
func another(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch x := v.Interface().(type) {
	case string:
		switch {
		case x == Standard:
			out.SetString(Extended)
		case x == Extended || x == CountOnly:
			out.SetString(Standard)
		case strings.Contains(x, "mon: "):
			out.SetString(strings.Replace(x, "09:00", "08:30", 1))
		case x == Listening:
			out.SetString(Silent)
		case x == "04:00":
			out.SetString("05:00")
		default:
			out.SetString("Other " + x)
		}
	case bool:
		out.SetBool(!x)
	case int, int64:
		out.SetInt(v.Int() + 1)
	case float64:
		out.SetFloat(x + 0.5)
	case Span:
		out.SetInt(v.Int() + int64(time.Hour))
	case time.Time:
		out.Set(reflect.ValueOf(x.Add(time.Hour)))
	case []Opening:
		out.Set(reflect.ValueOf([]Opening{{"always open", "UTC"}}))
	case []string:
		out.Set(reflect.ValueOf([]string{ReasonKeys}))
	}
	return out
}

// corners are facts that made-up configurations may not hit.
func corners(t testing.TB) []Facts {
	t.Helper()
	var out []Facts
	for _, policy := range []string{CountOnly, Standard, Extended} {
		f := Gather(base(policy))
		f.Now.CountOnly, f.Now.Reasons = 1, []string{ReasonClock, ReasonKeys, ReasonList, ReasonOther}
		out = append(out, f)
		running := Gather(base(CountOnly)).Rules
		held := f
		held.InForce = &running
		out = append(out, held)
		f.Now.Known = 0
		f.Rules.OtherHours = []Opening{{"nonsense", "UTC"}, {"always open", "UTC"}}
		f.Rules.PasserBy, f.Rules.ClassLife, f.Rules.RandomMemory = Span(time.Hour+time.Second), Span(time.Minute), Span(59*time.Second)
		out = append(out, f)
	}
	return out
}
