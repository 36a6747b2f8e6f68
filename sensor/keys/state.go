package keys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/sensor/keys/onlycopy"
)

// MaxGap is how many days a key state may be behind before it does not follow by itself (DESIGN section 5).
const MaxGap = 35

// ErrOlder says that a store-day is before the key state's: its keys are gone, and that is the point of them.
var ErrOlder = errors.New("the store-day is over and its keys are destroyed")

// ErrGap says that the key state is more than MaxGap days behind: the caller counts only, until a bundle is issued again.
var ErrGap = errors.New("the key state is too far behind")

// State is a sensor's keys, on disk and in memory. It is not for concurrent use.
type State struct {
	path  string // empty for a throw-away state
	site  *Site
	issue string
	chain *chain
	class *key // one class key for the whole capture: only in a throw-away state

	hashers []*Hasher // given out since the last Advance
}

// Import turns a bundle into the sensor's key state and destroys the bundle. It refuses where a state of another store or sensor,
// or of a newer day, stands already. After a crash in the middle it can be called again.
func Import(bundlePath, statePath string) (*State, error) {
	if same(bundlePath, statePath) {
		return nil, errors.New("import the bundle: the bundle and the key state have the same path: give the state one of its own")
	}
	b, err := ReadBundle(bundlePath)
	if err != nil {
		return nil, fmt.Errorf("import the bundle: %w", err)
	}
	if err := mayReplace(statePath, b); err != nil {
		return nil, fmt.Errorf("import the bundle: %w", err)
	}
	s := &State{path: statePath, site: &b.Site, issue: b.issue, chain: b.chain}
	if err := s.Save(); err != nil {
		return nil, fmt.Errorf("import the bundle: %w", err)
	}
	if err := onlycopy.Remove(bundlePath); err != nil {
		return nil, fmt.Errorf("the bundle is imported but could not be destroyed: delete %s by hand and start again: %w", bundlePath, err)
	}
	return s, nil
}

// Load reads the sensor's key state. Where there is none the error is fs.ErrNotExist.
func Load(statePath string) (*State, error) {
	b, err := read(kindState, statePath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: import a bundle, which footfall keys makes", err)
	}
	if err != nil {
		return nil, err
	}
	return &State{path: statePath, site: &b.Site, issue: b.issue, chain: b.chain}, nil
}

// Throwaway makes keys for footfall try: in memory, never saved, with one class key for the whole capture. Its Site is empty.
func Throwaway(day calendar.Day, random io.Reader) (*State, error) {
	seed, err := NewStoreSeed(random)
	if err != nil {
		return nil, err
	}
	defer seed.Wipe()
	optOut, err := NewOptOutKey(random)
	if err != nil {
		return nil, err
	}
	c := seed.chain(day, *optOut.k)
	c.periods.wipe() // try remembers nobody
	class := c.classKey(int32(day) * 16)
	return &State{site: &Site{}, issue: seed.issue(), chain: c, class: &class}, nil
}

// Site is where the sensor stands and under what rules.
func (s *State) Site() Site { return *s.site }

// Day is the store-day of the keys.
func (s *State) Day() calendar.Day { return s.chain.day }

// Week is the store-week of the newest return key.
func (s *State) Week() calendar.Week { return s.chain.day.Week() }

// Issue names the seed that the chains come from, and gives nothing of it away. What was remembered under another issue's keys
// (return filters) means nothing under these.
func (s *State) Issue() string { return s.issue }

// Hasher makes the hasher of the state's day. It is good until Advance.
func (s *State) Hasher() *Hasher {
	h := newHasher(s.chain, s.class)
	s.hashers = append(s.hashers, h)
	return h
}

// Advance ratchets to the store-day. The new state is on disk before anything of the new day can be hashed, so no crash brings
// the old day's keys back; then the old keys and the hashers made from them are wiped. The same day changes nothing. An earlier
// day is ErrOlder, one more than MaxGap days ahead ErrGap; after any error the state is as it was and Advance may be tried again.
func (s *State) Advance(day calendar.Day) error {
	switch {
	case day == s.chain.day:
		return nil
	case day < s.chain.day:
		return fmt.Errorf("keys of %s wanted, the state is of %s: %w: replay older captures with footfall try", day, s.chain.day, ErrOlder)
	case day > s.chain.day+MaxGap && s.path != "":
		return fmt.Errorf("keys of %s wanted, the state is of %s: %w: check the clock, or issue the bundle again with footfall keys", day, s.chain.day, ErrGap)
	}
	next := *s.chain
	next.advance(day)
	defer next.wipe()
	if err := s.save(&next); err != nil {
		return err
	}
	for _, h := range s.hashers {
		h.wipe()
	}
	s.hashers = nil
	s.chain.wipe()
	*s.chain = next
	return nil
}

// Save writes the state to its file again. Import and Advance have done so already. A throw-away state is never saved.
func (s *State) Save() error { return s.save(s.chain) }

func (s *State) save(c *chain) error {
	if s.path == "" {
		return nil
	}
	data, err := encode(kindState, s.issue, s.site, c)
	if err != nil {
		return fmt.Errorf("save the key state: %w", err)
	}
	defer clear(data)
	if err := onlycopy.Write(s.path, data); err != nil {
		return fmt.Errorf("save the key state: %w: check that its folder is writable and not full", err)
	}
	return nil
}

func mayReplace(statePath string, b *Bundle) error {
	old, err := read(kindState, statePath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("a key state stands already and cannot be read: %w: move it away to begin anew", err)
	}
	defer old.chain.wipe()
	if old.Store != b.Store || old.Sensor != b.Sensor {
		return fmt.Errorf("%s is the key state of store %s, sensor %s, and the bundle is for store %s, sensor %s: give this sensor its own bundle, or remove the state if the box was moved",
			statePath, old.Store, old.Sensor, b.Store, b.Sensor)
	}
	if old.Day() > b.Day() {
		return fmt.Errorf("the key state is of %s already and the bundle of %s: destroy the bundle, it is older; or issue a new one with footfall keys", old.Day(), b.Day())
	}
	return nil
}

func same(a, b string) bool {
	if x, err := os.Stat(a); err == nil {
		if y, err := os.Stat(b); err == nil {
			return os.SameFile(x, y)
		}
	}
	return filepath.Clean(a) == filepath.Clean(b)
}
