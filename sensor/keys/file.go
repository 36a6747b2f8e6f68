package keys

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
)

// Version is the version of bundles and key states.
const Version = 1

// A bundle and a key state hold the same fields; only their kinds differ, so that neither is taken for the other.
const (
	kindBundle = "footfall bundle"
	kindState  = "footfall key state"
)

// maxFile bounds what is read: opening hours aside, a file has less than 1 KiB.
const maxFile = 64 << 10

// sealAfterUnsaid is what a file without seal_after means, for ever: files of before the field have none, and where it holds the
// field is left out, so that a sensor of before can read it.
const sealAfterUnsaid = 4 * time.Hour

// lastDay is the store-day of 2119-12-08: a greater number is a garbled one.
const lastDay = calendar.Day(36500)

var (
	idPattern    = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`) // as in stores.yaml
	issuePattern = regexp.MustCompile(`^[0-9a-f]{16}$`)
)

// fileForm is a bundle or a key state as JSON.
type fileForm struct {
	Kind          string            `json:"kind"`
	Version       int               `json:"version"`
	Issue         string            `json:"issue"`
	Store         string            `json:"store"`
	Name          string            `json:"name"`
	TimeZone      string            `json:"time_zone"`
	Hours         map[string]string `json:"hours"` // as in stores.yaml; null is open always
	Policy        string            `json:"policy"`
	ReturnEpsilon float64           `json:"return_epsilon"`
	SealAfter     *lapse            `json:"seal_after,omitempty"` // missing is sealAfterUnsaid
	Zone          string            `json:"zone"`
	Sensor        string            `json:"sensor"`
	Entrance      bool              `json:"entrance"`
	Day           calendar.Day      `json:"day"`
	DayChain      keyText           `json:"day_chain"`
	WeekChain     keyText           `json:"week_chain"`
	PeriodChain   *keyText          `json:"period_chain,omitempty"` // of an extended store alone
	OptOutKey     keyText           `json:"opt_out_key"`
}

// lapse is a duration as stores.yaml writes it: 4h0m0s.
type lapse time.Duration

// MarshalText writes it as time.Duration does.
func (l lapse) MarshalText() ([]byte, error) { return []byte(time.Duration(l).String()), nil }

// UnmarshalText reads what time.ParseDuration does.
func (l *lapse) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return errors.New("seal_after: write it as 4h or 30m")
	}
	*l = lapse(d)
	return nil
}

// keyText is a key as 64 hexadecimal digits: only in a file.
type keyText key

// Format keeps the key out of every fmt verb.
func (k keyText) Format(f fmt.State, verb rune) { key(k).Format(f, verb) }

// LogValue keeps the key out of logs.
func (k keyText) LogValue() slog.Value { return key(k).LogValue() }

// MarshalText writes the digits.
func (k keyText) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, k[:]), nil }

// UnmarshalText reads 64 digits. The error repeats none of them.
func (k *keyText) UnmarshalText(text []byte) error {
	if len(text) != 2*len(k) {
		return errors.New("a key must have 64 hexadecimal digits")
	}
	if _, err := hex.Decode(k[:], text); err != nil {
		return errors.New("a key has a character that is no hexadecimal digit")
	}
	return nil
}

// encode writes the file of the kind.
func encode(kind, issue string, site *Site, c *chain) ([]byte, error) {
	policy, err := policyName(site.Policy)
	if err != nil {
		return nil, err
	}
	var seal *lapse
	if site.SealAfter != sealAfterUnsaid {
		seal = (*lapse)(&site.SealAfter)
	}
	text, err := json.MarshalIndent(fileForm{
		Kind: kind, Version: Version, Issue: issue,
		Store: site.Store, Name: site.Name, TimeZone: site.TimeZone, Hours: hoursText(site.Hours), Policy: policy,
		ReturnEpsilon: site.ReturnEpsilon, SealAfter: seal, Zone: site.Zone, Sensor: site.Sensor, Entrance: site.Entrance,
		Day: c.day, DayChain: keyText(c.days), WeekChain: keyText(c.weeks), PeriodChain: c.periodText(), OptOutKey: keyText(c.optOut),
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the %s: %w", kind, err)
	}
	return append(text, '\n'), nil
}

// periodText is the chain of the periods as it stands in a file; nil where there is none.
func (c *chain) periodText() *keyText {
	if !c.hasPeriods() {
		return nil
	}
	return (*keyText)(&c.periods)
}

// key is the key of a field that may be missing, which is zeros.
func (k *keyText) key() key {
	if k == nil {
		return key{}
	}
	return key(*k)
}

// decode reads a file of the kind and checks all of it. The error names everything that is wrong at once, and no key.
func decode(kind string, raw []byte) (*Bundle, error) {
	var f fileForm
	if err := decodeForm(kind, raw, &f); err != nil {
		return nil, err
	}
	return f.check()
}

// decodeForm reads the JSON of the kind into its form, without a look at what the fields say.
func decodeForm(kind string, raw []byte, form any) error {
	var head struct {
		Kind    string `json:"kind"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return fmt.Errorf("it is truncated or no %s: %w", kind, plain(err))
	}
	if head.Kind != kind {
		return wrongKind(kind, head.Kind)
	}
	if head.Version != Version {
		return fmt.Errorf("it has version %d, this program reads version %d", head.Version, Version)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(form); err != nil {
		return plain(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows its end")
	}
	return nil
}

func wrongKind(want, got string) error {
	switch got {
	case kindBundle:
		return errors.New("it is a bundle, not a key state, and has to be imported")
	case kindState:
		return errors.New("it is a key state, not a bundle")
	}
	return fmt.Errorf("it is no %s: its kind is %.40q", want, got)
}

// plain keeps the text of a JSON error, which can quote what it stumbled over, from showing a key.
func plain(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("no JSON from byte %d on", syntax.Offset)
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("%s has a value of the wrong kind", kind.Field)
	}
	return err
}

func (f *fileForm) check() (*Bundle, error) {
	var errs []error
	want := func(ok bool, text string) {
		if !ok {
			errs = append(errs, errors.New(text))
		}
	}
	cal, err := calendar.New(f.TimeZone)
	if err != nil {
		errs = append(errs, fmt.Errorf("time_zone: %w", err))
	}
	hours, herrs := stores.ParseHours(f.Hours)
	errs = append(errs, herrs...)
	policy, err := stores.ParsePolicy(f.Policy)
	if err != nil {
		errs = append(errs, err)
	}
	seal := sealAfterUnsaid
	if f.SealAfter != nil {
		seal = time.Duration(*f.SealAfter)
	}
	want(seal >= 0 && seal <= stores.MaxSealAfter, "seal_after: use 0 to 24h")
	want(f.Policy != "", "policy: it is missing")
	want(issuePattern.MatchString(f.Issue), "issue: it must be 16 hexadecimal digits")
	want(idPattern.MatchString(f.Store), "store: use 1 to 63 of a-z, 0-9, - and _")
	want(idPattern.MatchString(f.Zone), "zone: use 1 to 63 of a-z, 0-9, - and _")
	want(idPattern.MatchString(f.Sensor), "sensor: use 1 to 63 of a-z, 0-9, - and _")
	want(f.Name != "", "name: it is missing")
	want(f.ReturnEpsilon > 0 && f.ReturnEpsilon <= stores.MaxReturnEpsilon, "return_epsilon: use more than 0 and at most 3")
	want(f.Day >= 0 && f.Day <= lastDay, "day: it is no store-day since 2020")
	want(f.DayChain != keyText{}, "day_chain: it is missing")
	want(f.WeekChain != keyText{}, "week_chain: it is missing")
	want(f.OptOutKey != keyText{}, "opt_out_key: it is missing")
	extended := err == nil && policy == wire.Policy_POLICY_EXTENDED
	want(!extended || f.PeriodChain.key() != key{}, "period_chain: it is missing, and policy extended needs it")
	want(extended || f.PeriodChain == nil, "period_chain: it belongs to policy extended alone")
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	site := Site{
		Store: f.Store, Name: f.Name, TimeZone: f.TimeZone, Calendar: cal, Hours: hours, Policy: policy,
		ReturnEpsilon: f.ReturnEpsilon, SealAfter: seal, Zone: f.Zone, Sensor: f.Sensor, Entrance: f.Entrance,
	}
	c := &chain{day: f.Day, days: key(f.DayChain), weeks: key(f.WeekChain), periods: f.PeriodChain.key(), optOut: key(f.OptOutKey)}
	return &Bundle{Site: site, issue: f.Issue, chain: c}, nil
}

func policyName(p wire.Policy) (string, error) {
	switch p {
	case wire.Policy_POLICY_COUNT_ONLY:
		return "count-only", nil
	case wire.Policy_POLICY_STANDARD:
		return "standard", nil
	case wire.Policy_POLICY_EXTENDED:
		return "extended", nil
	default:
		return "", fmt.Errorf("policy %s cannot be issued: set standard, count-only or extended in stores.yaml", p)
	}
}
