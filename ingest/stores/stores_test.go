package stores

import (
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/wire"
)

const good = `
stores:
  - id: demo
    name: Demo Street 1
    region: south
    time_zone: Europe/Berlin
    hours: {mon-fri: "09:00-20:00", sat: "09:00-13:00,14:00-18:00", sun: closed}
    zones:
      - id: ground
        sensors: [{id: door}, {id: till}]
      - id: upper
        sensors: [{id: stairs, entrance: true}]
  - {id: bar, time_zone: UTC, policy: count-only, seal_after: 0s, return_epsilon: 3, hours: {fri: "18:00-02:00"}, zones: [{id: z, sensors: [{id: a}]}]}
`

func TestGoodFile(t *testing.T) {
	list, err := Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	demo, bar := list[0], list[1]
	if demo.Policy != wire.Policy_POLICY_STANDARD || demo.SealAfter != 4*time.Hour || demo.ReturnEpsilon != 2 {
		t.Errorf("defaults: %+v", demo)
	}
	if demo.SensorIndex("stairs") != 2 || demo.SensorIndex("x") != -1 || len(demo.Zones()) != 2 {
		t.Errorf("sensors: %+v", demo.Sensors)
	}
	if demo.Sensors[0].Entrance || !demo.Sensors[2].Entrance || !bar.Sensors[0].Entrance {
		t.Error("the marked sensor is the entrance, or the first where none is marked")
	}
	if demo.Region != "south" || bar.Region != "" {
		t.Errorf("got the regions %q and %q, want south and none", demo.Region, bar.Region)
	}
	if bar.Policy != wire.Policy_POLICY_COUNT_ONLY || bar.SealAfter != 0 || bar.ReturnEpsilon != 3 {
		t.Errorf("set values: %+v", bar)
	}
}

func TestHours(t *testing.T) {
	list, err := Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		store int
		at    string
		open  bool
	}{
		"friday noon":          {0, "2026-01-30T12:00:00+01:00", true},
		"opening minute":       {0, "2026-01-30T09:00:00+01:00", true},
		"closing minute":       {0, "2026-01-30T20:00:00+01:00", false},
		"lunch on saturday":    {0, "2026-01-31T13:30:00+01:00", false},
		"saturday afternoon":   {0, "2026-01-31T17:59:00+01:00", true},
		"sunday":               {0, "2026-02-01T12:00:00+01:00", false},
		"friday night":         {1, "2026-01-30T23:00:00Z", true},
		"the same, after 0:00": {1, "2026-01-31T01:59:00Z", true},
		"the same, closed":     {1, "2026-01-31T02:00:00Z", false},
		"thursday night":       {1, "2026-01-30T01:00:00Z", false},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, row.at)
			if err != nil {
				t.Fatal(err)
			}
			s := list[row.store]
			if got := s.Hours.Open(at.In(s.Calendar.Location())); got != row.open {
				t.Errorf("got %v, want %v", got, row.open)
			}
		})
	}
	if !(Hours{}).Open(time.Now()) {
		t.Error("no hours at all mean always open")
	}
}

func TestEverythingWrongIsSaidAtOnce(t *testing.T) {
	_, err := Parse([]byte(`
stores:
  - id: Bad Id
    region: the South
    time_zone: Mars/Olympus
    policy: generous
    seal_after: 25h
    return_epsilon: 4
    hours: {someday: "9-5", mon: "25:00-26:00"}
    zones: [{id: z, sensors: [{id: a}, {id: a}]}]
  - {id: x, policy: extended, time_zone: UTC}
  - {id: x, time_zone: UTC, zones: [{id: z, sensors: [{id: a}]}]}
`))
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, want := range []string{"use 1 to 63", `region "the South"`, "Mars/Olympus", "generous", "seal_after", "return_epsilon", "someday", "25:00", `"a" is named twice`, "needs legal_basis", "0 sensors", "named twice: give"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %q in:\n%v", want, err)
		}
	}
}

func TestUnknownKeysAreErrors(t *testing.T) {
	_, err := Parse([]byte("stores:\n  - id: a\n    timezone: UTC\n    colour: red\n"))
	if err == nil || !strings.Contains(err.Error(), "timezone") || !strings.Contains(err.Error(), "colour") {
		t.Errorf("got %v", err)
	}
	if _, err := Parse(nil); err == nil || !strings.Contains(err.Error(), "no stores") {
		t.Errorf("empty file: got %v", err)
	}
}

func TestAZoneListedTwiceIsOneZone(t *testing.T) {
	s := Store{Sensors: []Sensor{{ID: "a", Zone: "x"}, {ID: "b", Zone: "y"}, {ID: "c", Zone: "x"}}}
	if got := s.Zones(); len(got) != 2 || got[0] != "x" || got[1] != "y" {
		t.Errorf("got %v, want x and y", got)
	}
}
