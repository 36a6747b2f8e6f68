package keys

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
)

// Keyring is what an organisation keeps to issue bundles later, for a sensor that is replaced or added: where each store's key
// chains stand, and the opt-out key. It holds no seed and ratchets like the sensors (Advance), so that it knows no more of the
// past than they do. It is not for concurrent use, and has no file of its own: its owner encrypts what Encode gives.
type Keyring struct {
	optOut *key
	stores []*ringStore // in the order in which they were made
}

// ringStore is one store's place in the keyring. All that a bundle says besides is in stores.yaml.
type ringStore struct {
	id       string
	zone     string // IANA: its days turn the chain
	calendar calendar.Calendar
	issue    string
	made     calendar.Day
	chain    *chain
	issued   []Issued
}

// Issued says that a sensor was given bundles of the store's present seed.
type Issued struct {
	Sensor string
	Last   calendar.Day // the newest bundle's
	Times  int
}

// StoreKeys is what may be shown of a store's keys: everything but the keys.
type StoreKeys struct {
	Store    string
	TimeZone string       // IANA
	Issue    string       // names the seed, and gives nothing of it away
	Made     calendar.Day // the seed's first
	Day      calendar.Day // where the chains stand: no earlier day's ids can be computed
	Issued   []Issued     // in the order of first issue
}

// NewKeyring makes a keyring without stores that holds the organisation's opt-out key.
func NewKeyring(optOut OptOutKey) (*Keyring, error) {
	if optOut.k == nil || *optOut.k == (key{}) {
		return nil, errors.New("make the keyring: the opt-out key is missing: make one with footfall keys optout")
	}
	k := *optOut.k
	return &Keyring{optOut: &k}, nil
}

// HasOptOutKey says whether the opt-out key is the keyring's.
func (r *Keyring) HasOptOutKey(optOut OptOutKey) bool {
	return optOut.k != nil && subtle.ConstantTimeCompare(r.optOut[:], optOut.k[:]) == 1
}

// Stores are the keyring's stores in the order in which they were made.
func (r *Keyring) Stores() []StoreKeys {
	var out []StoreKeys
	for _, s := range r.stores {
		out = append(out, StoreKeys{
			Store: s.id, TimeZone: s.zone, Issue: s.issue, Made: s.made, Day: s.chain.day, Issued: slices.Clone(s.issued),
		})
	}
	return out
}

// Advance ratchets every store's chains to its store-day of the time: all or, after an error, none. It is done before anything
// else is written, so that nothing of an earlier day can be made. A store whose day is not over changes nothing; any number of
// days may have passed. A day that is over already is ErrOlder: no chain turns back.
func (r *Keyring) Advance(now time.Time) error {
	for _, s := range r.stores {
		switch day := s.calendar.DayOf(now); {
		case day < s.chain.day:
			return fmt.Errorf("the clock says %s in store %s, and the keyring's keys are of %s already: %w: set the clock; if it was wrong when they turned, move the keyring away and make its stores anew",
				day, s.id, s.chain.day, ErrOlder)
		case day > lastDay:
			return fmt.Errorf("the clock says %s: check the clock", day)
		}
	}
	for _, s := range r.stores {
		s.chain.advance(s.calendar.DayOf(now))
	}
	return nil
}

// Make draws a seed for a store that has none, from its store-day of the time on, and keeps the chains that follow from it. The
// random is crypto/rand.Reader except in tests.
func (r *Keyring) Make(store *stores.Store, now time.Time, random io.Reader) error {
	if r.find(store.ID) != nil {
		return fmt.Errorf("store %s has keys in the keyring already: issue bundles of them with footfall keys issue, or give it new ones with footfall keys rotate", store.ID)
	}
	made, err := r.draw(store, now, random)
	if err != nil {
		return fmt.Errorf("make the keys of store %s: %w", store.ID, err)
	}
	r.stores = append(r.stores, made)
	return nil
}

// Rotate replaces the store's chains by those of a new seed, from its store-day of the time on. The old ones are wiped; all the
// store's sensors need new bundles. The store takes the time zone that stores.yaml gives it now.
func (r *Keyring) Rotate(store *stores.Store, now time.Time, random io.Reader) error {
	old := r.find(store.ID)
	if old == nil {
		return noKeys(store.ID)
	}
	made, err := r.draw(store, now, random)
	if err != nil {
		return fmt.Errorf("rotate the keys of store %s: %w", store.ID, err)
	}
	old.chain.wipe()
	*old = *made
	return nil
}

// Retire destroys the store's chains and forgets the store.
func (r *Keyring) Retire(store string) error {
	s := r.find(store)
	if s == nil {
		return noKeys(store)
	}
	s.chain.wipe()
	r.stores = slices.DeleteFunc(r.stores, func(one *ringStore) bool { return one == s })
	return nil
}

// Issue makes bundles for the named sensors of the store, at the day at which the keyring's chains stand (Advance first), and
// notes them. They are in step with the store's other sensors, whenever those began.
func (r *Keyring) Issue(store *stores.Store, sensors []string) ([]Bundle, error) {
	s := r.find(store.ID)
	if s == nil {
		return nil, noKeys(store.ID)
	}
	if s.zone != store.Zone {
		return nil, fmt.Errorf("store %s is in %s in the keyring and in %s in stores.yaml, and its sensors' keys turn at the keyring's midnight: correct stores.yaml, or begin anew with footfall keys rotate",
			store.ID, s.zone, store.Zone)
	}
	if err := mayIssue(store, s.chain.day); err != nil {
		return nil, fmt.Errorf("make the bundles: %w", err)
	}
	if store.Policy == wire.Policy_POLICY_EXTENDED && !s.chain.hasPeriods() {
		return nil, fmt.Errorf("the keys of store %s are of before policy extended and have none for return ids: give it new ones with footfall keys rotate --store %s, and all its sensors new bundles",
			store.ID, store.ID)
	}
	var out []Bundle
	for _, name := range sensors {
		i := store.SensorIndex(name)
		if i < 0 {
			return nil, fmt.Errorf("store %s has no sensor %q in stores.yaml: add it under zones, or name one that it has", store.ID, name)
		}
		out = append(out, Bundle{Site: siteOf(store, store.Sensors[i]), issue: s.issue, chain: s.chain.under(store.Policy)})
	}
	for _, name := range sensors {
		s.note(name)
	}
	return out, nil
}

// Wipe overwrites the keys. The keyring is of no use after that; bundles that were issued stay good.
func (r *Keyring) Wipe() {
	for _, s := range r.stores {
		s.chain.wipe()
	}
	r.optOut.wipe()
	r.stores = nil
}

func (r *Keyring) draw(store *stores.Store, now time.Time, random io.Reader) (*ringStore, error) {
	first := store.Calendar.DayOf(now)
	if err := mayIssue(store, first); err != nil {
		return nil, err
	}
	seed, err := NewStoreSeed(random)
	if err != nil {
		return nil, err
	}
	defer seed.Wipe()
	return &ringStore{
		id: store.ID, zone: store.Zone, calendar: store.Calendar, issue: seed.issue(), made: first, chain: seed.chain(first, *r.optOut),
	}, nil
}

func (r *Keyring) find(store string) *ringStore {
	for _, s := range r.stores {
		if s.id == store {
			return s
		}
	}
	return nil
}

func (s *ringStore) note(sensor string) {
	for i := range s.issued {
		if s.issued[i].Sensor == sensor {
			s.issued[i].Last = s.chain.day
			s.issued[i].Times++
			return
		}
	}
	s.issued = append(s.issued, Issued{Sensor: sensor, Last: s.chain.day, Times: 1})
}

func noKeys(store string) error {
	return fmt.Errorf("store %s has no keys in the keyring: make them with footfall keys make --store %s", store, store)
}
