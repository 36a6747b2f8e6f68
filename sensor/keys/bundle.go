package keys

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/keys/onlycopy"
)

// Site is where a sensor stands and under what rules, as stores.yaml had it when its bundle was issued.
type Site struct {
	Store         string
	Name          string // of the store, for people
	TimeZone      string // IANA
	Calendar      calendar.Calendar
	Hours         stores.Hours
	Policy        wire.Policy
	ReturnEpsilon float64
	SealAfter     time.Duration // how long after its end a store-day is sealed: no spool may hold its ids longer
	Zone          string
	Sensor        string
	Entrance      bool // its passers-by are the store's
}

// Bundle is all that one sensor needs to begin: its site and where the store's key chains stand on the bundle's day. The bundles
// of a store's sensors differ only in the site. A bundle is imported once and deleted. It is for the policy that stores.yaml had:
// only that of an extended store carries the keys of return ids, so after a change of policy all sensors of the store need new
// bundles. The legal basis of an extended store stays in stores.yaml, without which no such bundle is issued.
type Bundle struct {
	Site
	issue string
	chain *chain
}

// NewBundles makes the bundle of every sensor of the store, in the order of stores.yaml, for a store that begins (or begins anew)
// on the day with the seed. Wipe the seed afterwards: a lost sensor means a new seed for its store.
func NewBundles(store *stores.Store, seed Seed, first calendar.Day, optOut OptOutKey) ([]Bundle, error) {
	if seed.k == nil || *seed.k == (key{}) || optOut.k == nil {
		return nil, errors.New("make the bundles: the seed is wiped or the opt-out key is missing: draw a new seed")
	}
	if err := mayIssue(store, first); err != nil {
		return nil, fmt.Errorf("make the bundles: %w", err)
	}
	var out []Bundle
	for _, s := range store.Sensors {
		c := seed.chain(first, *optOut.k)
		out = append(out, Bundle{Site: siteOf(store, s), issue: seed.issue(), chain: c.under(store.Policy)})
		c.wipe()
	}
	return out, nil
}

// mayIssue says why no bundle of the store can be made for the day.
func mayIssue(store *stores.Store, day calendar.Day) error {
	if day < 0 || day > lastDay {
		return fmt.Errorf("store-day %d is not one since 2020: check the clock", day)
	}
	if _, err := policyName(store.Policy); err != nil {
		return err
	}
	if store.Policy == wire.Policy_POLICY_EXTENDED && store.LegalBasis == "" {
		return errors.New("policy extended needs a legal basis: record it in stores.yaml under legal_basis")
	}
	if store.SealAfter < 0 || store.SealAfter > stores.MaxSealAfter {
		return errors.New("seal_after: use 0 to 24h in stores.yaml")
	}
	return nil
}

func siteOf(store *stores.Store, s stores.Sensor) Site {
	return Site{
		Store: store.ID, Name: store.Name, TimeZone: store.Zone, Calendar: store.Calendar, Hours: store.Hours,
		Policy: store.Policy, ReturnEpsilon: store.ReturnEpsilon, SealAfter: store.SealAfter,
		Zone: s.Zone, Sensor: s.ID, Entrance: s.Entrance,
	}
}

// Day is the store-day at which the bundle's chains stand.
func (b *Bundle) Day() calendar.Day { return b.chain.day }

// Write writes the bundle to a new file, mode 0600. It overwrites nothing.
func (b *Bundle) Write(path string) error {
	data, err := encode(kindBundle, b.issue, &b.Site, b.chain)
	if err != nil {
		return fmt.Errorf("write the bundle of sensor %s: %w", b.Sensor, err)
	}
	defer clear(data)
	if err := writeOnce(path, data); err != nil {
		return fmt.Errorf("write the bundle of sensor %s: %w", b.Sensor, err)
	}
	return nil
}

// ReadBundle reads a bundle without importing it. The error names everything that is wrong with it.
func ReadBundle(path string) (*Bundle, error) { return read(kindBundle, path) }

func read(kind, path string) (*Bundle, error) {
	raw, err := readLimited(kind, path)
	if err != nil {
		return nil, fmt.Errorf("read the %s: %w", strings.TrimPrefix(kind, "footfall "), err)
	}
	defer clear(raw)
	b, err := decode(kind, raw)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be used: %w: have footfall keys issue a bundle again", path, err)
	}
	return b, nil
}

// readLimited clears what a crash left beside a key state; a bundle comes from elsewhere and has nothing beside it.
func readLimited(kind, path string) ([]byte, error) {
	if kind == kindState {
		return onlycopy.Read(path, maxFile)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read from
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxFile {
		return nil, fmt.Errorf("%s is longer than %d bytes: it is no bundle", path, maxFile)
	}
	return raw, nil
}

// writeOnce makes a new secret file and refuses to overwrite one, where a mistyped path would destroy keys.
func writeOnce(path string, data []byte) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s exists already: remove it or choose another path", path)
	}
	return onlycopy.Write(path, data)
}

// OptOutKey is the organisation's key for opt-out tags: on its sensors and its opt-out service only, used for nothing else.
type OptOutKey struct{ k *key }

// NewOptOutKey draws the organisation's opt-out key; random is crypto/rand.Reader except in tests and demonstrations.
func NewOptOutKey(random io.Reader) (OptOutKey, error) {
	k, err := draw(random)
	if err != nil {
		return OptOutKey{}, fmt.Errorf("draw an opt-out key: %w", err)
	}
	return OptOutKey{k}, nil
}

// LoadOptOutKey reads a file that OptOutKey.Write made.
func LoadOptOutKey(path string) (OptOutKey, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return OptOutKey{}, fmt.Errorf("read the opt-out key: %w: make it with footfall keys optout", err)
	}
	defer clear(raw)
	var k keyText
	if err := k.UnmarshalText([]byte(strings.TrimSpace(string(raw)))); err != nil {
		return OptOutKey{}, fmt.Errorf("opt-out key %s: %w: restore the file that footfall keys made", path, err)
	}
	if k == (keyText{}) {
		return OptOutKey{}, fmt.Errorf("opt-out key %s holds zeros: restore the file that footfall keys made", path)
	}
	return OptOutKey{(*key)(&k)}, nil
}

// Write writes the key to a new file, mode 0600. It overwrites nothing.
func (o OptOutKey) Write(path string) error {
	text := append(hex.AppendEncode(nil, o.k[:]), '\n')
	defer clear(text)
	if err := writeOnce(path, text); err != nil {
		return fmt.Errorf("write the opt-out key: %w", err)
	}
	return nil
}
