// Package stores reads stores.yaml, the one source of a chain's stores: zones, sensors, time zone, opening hours, policy and
// the day's sealing. The aggregator's tables and the sensors' bundles are made from it.
package stores

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// Limits of what a store may be set to, and the values used where stores.yaml is silent (DESIGN sections 2 and 6).
const (
	DefaultSealAfter     = 4 * time.Hour
	MaxSealAfter         = 24 * time.Hour
	DefaultReturnEpsilon = 2.0
	MaxReturnEpsilon     = 3.0
	// MaxSensors is how many sensors a store may have: the aggregator keeps a sighting's sensor in five bits.
	MaxSensors = 32
	// MinLegalBasis and MaxLegalBasis bound the text of a legal basis, in characters: a word or two records nothing.
	MinLegalBasis = 20
	MaxLegalBasis = 500
)

// Store is one store of the chain.
type Store struct {
	ID            string
	Name          string
	Region        string // the operator's name of a group of stores; empty: none
	Zone          string // IANA time zone
	Calendar      calendar.Calendar
	Hours         Hours
	Policy        wire.Policy
	LegalBasis    string // why policy extended may be used here, as the operator recorded it; empty under the other policies
	SealAfter     time.Duration
	ReturnEpsilon float64
	Sensors       []Sensor // in the order of the file; a sensor's place is its number within the store
}

// Sensor is one agent of a store.
type Sensor struct {
	ID       string
	Zone     string
	Entrance bool // its passers-by are the store's; without any marked one, the first sensor is
}

// SensorIndex is the sensor's number within the store, or -1.
func (s *Store) SensorIndex(id string) int {
	for i := range s.Sensors {
		if s.Sensors[i].ID == id {
			return i
		}
	}
	return -1
}

// Zones are the names of the store's zones, in the order of the file.
func (s *Store) Zones() []string {
	var zones []string
	for _, sensor := range s.Sensors {
		if !slices.Contains(zones, sensor.Zone) {
			zones = append(zones, sensor.Zone)
		}
	}
	return zones
}

// The file's parts have names because the decoder's errors about unknown keys print them.
type (
	file struct {
		Stores []entry `yaml:"stores"`
	}
	entry struct {
		ID            string            `yaml:"id"`
		Name          string            `yaml:"name"`
		Region        string            `yaml:"region"`
		TimeZone      string            `yaml:"time_zone"`
		Policy        string            `yaml:"policy"`
		LegalBasis    string            `yaml:"legal_basis"`
		SealAfter     *time.Duration    `yaml:"seal_after"`
		ReturnEpsilon *float64          `yaml:"return_epsilon"`
		Hours         map[string]string `yaml:"hours"`
		Zones         []zone            `yaml:"zones"`
	}
	zone struct {
		ID      string   `yaml:"id"`
		Sensors []sensor `yaml:"sensors"`
	}
	sensor struct {
		ID       string `yaml:"id"`
		Entrance bool   `yaml:"entrance"`
	}
)

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// Load reads and checks a stores.yaml. The error names everything that is wrong with it at once.
func Load(path string) ([]Store, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the stores file: %w: name it with --stores", err)
	}
	list, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

// Parse checks the text of a stores.yaml. The error names everything that is wrong with it at once.
func Parse(raw []byte) ([]Store, error) {
	var f file
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	var errs []error
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		errs = append(errs, err)
	}
	if len(errs) == 0 && len(f.Stores) == 0 {
		errs = append(errs, errors.New("no stores: list at least one under the key stores"))
	}
	seen := map[string]bool{}
	list := make([]Store, 0, len(f.Stores))
	for i := range f.Stores {
		in := &f.Stores[i]
		s := Store{ID: in.ID, Name: in.Name, Region: in.Region, Zone: in.TimeZone, SealAfter: DefaultSealAfter, ReturnEpsilon: DefaultReturnEpsilon}
		bad := func(err error) { errs = append(errs, fmt.Errorf("store %q: %w", in.ID, err)) }
		if !idPattern.MatchString(in.ID) {
			bad(errors.New("id: use 1 to 63 of a-z, 0-9, - and _"))
		}
		if seen[in.ID] {
			bad(errors.New("named twice: give every store an id of its own"))
		}
		seen[in.ID] = true
		if s.Name == "" {
			s.Name = in.ID
		}
		if s.Region != "" && !idPattern.MatchString(s.Region) {
			bad(fmt.Errorf("region %q: use 1 to 63 of a-z, 0-9, - and _, or leave it out", s.Region))
		}
		var err error
		if s.Calendar, err = calendar.New(in.TimeZone); err != nil {
			bad(fmt.Errorf("time_zone: %w", err))
		}
		if s.Policy, err = ParsePolicy(in.Policy); err != nil {
			bad(err)
		} else if s.LegalBasis, err = legalBasis(s.Policy, in.LegalBasis); err != nil {
			bad(err)
		}
		if in.SealAfter != nil {
			s.SealAfter = *in.SealAfter
		}
		if s.SealAfter < 0 || s.SealAfter > MaxSealAfter {
			bad(errors.New("seal_after: use 0 to 24h"))
		}
		if in.ReturnEpsilon != nil {
			s.ReturnEpsilon = *in.ReturnEpsilon
		}
		if !(s.ReturnEpsilon > 0 && s.ReturnEpsilon <= MaxReturnEpsilon) {
			bad(errors.New("return_epsilon: use more than 0 and at most 3; 2 is the default"))
		}
		hours, herrs := ParseHours(in.Hours)
		for _, e := range herrs {
			bad(e)
		}
		s.Hours = hours
		for _, z := range in.Zones {
			if !idPattern.MatchString(z.ID) {
				bad(fmt.Errorf("zone %q: use 1 to 63 of a-z, 0-9, - and _", z.ID))
			}
			for _, sensor := range z.Sensors {
				if !idPattern.MatchString(sensor.ID) {
					bad(fmt.Errorf("sensor %q: use 1 to 63 of a-z, 0-9, - and _", sensor.ID))
				}
				if s.SensorIndex(sensor.ID) >= 0 {
					bad(fmt.Errorf("sensor %q is named twice", sensor.ID))
				}
				s.Sensors = append(s.Sensors, Sensor{sensor.ID, z.ID, sensor.Entrance})
			}
		}
		if len(s.Sensors) == 0 || len(s.Sensors) > MaxSensors {
			bad(fmt.Errorf("it has %d sensors: list 1 to %d under zones", len(s.Sensors), MaxSensors))
		}
		markEntrance(s.Sensors)
		list = append(list, s)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return list, nil
}

// ParsePolicy reads a policy's name; empty is standard.
func ParsePolicy(name string) (wire.Policy, error) {
	switch name {
	case "", "standard":
		return wire.Policy_POLICY_STANDARD, nil
	case "count-only":
		return wire.Policy_POLICY_COUNT_ONLY, nil
	case "extended":
		return wire.Policy_POLICY_EXTENDED, nil
	}
	return 0, fmt.Errorf("policy %q is not known: use standard, count-only or extended", name)
}

// legalBasis is the recorded basis of a store under the policy. Only extended has one, and does not start without.
func legalBasis(policy wire.Policy, text string) (string, error) {
	text = strings.TrimSpace(text)
	switch n := utf8.RuneCountInString(text); {
	case policy != wire.Policy_POLICY_EXTENDED && text == "":
		return "", nil
	case policy != wire.Policy_POLICY_EXTENDED:
		return "", errors.New("legal_basis belongs to policy extended alone: remove it, or set policy: extended")
	case text == "":
		return "", errors.New("policy: extended needs legal_basis: record there the legal basis, who decided on it and when; or use standard, which needs none")
	case n < MinLegalBasis || n > MaxLegalBasis:
		return "", fmt.Errorf("legal_basis has %d characters: record the legal basis, who decided on it and when, in %d to %d", n, MinLegalBasis, MaxLegalBasis)
	case !utf8.ValidString(text) || strings.IndexFunc(text, notInALine) >= 0:
		return "", errors.New("legal_basis: write it in one line, without control characters")
	}
	return text, nil
}

// notInALine is true of control characters, and of the two separators that break a line without being one.
func notInALine(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

func markEntrance(sensors []Sensor) {
	for _, s := range sensors {
		if s.Entrance {
			return
		}
	}
	if len(sensors) > 0 {
		sensors[0].Entrance = true
	}
}
