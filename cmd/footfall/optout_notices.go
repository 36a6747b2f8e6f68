package main

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/fleet"
	"github.com/openfootfall/footfall/ingest/lifetime"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/optout"
	"github.com/openfootfall/footfall/sensor/optout/notice"
)

// noticeLook is how often the notices are held against what runs, when nobody reads them.
const noticeLook = 10 * time.Second

// errNotAsked says that the sensors' states were not read yet: a notice made before would state defaults as facts.
var errNotAsked = errors.New("what the sensors work under is not read yet: Kafka may be away")

// storeNotices makes the stores' notices from stores.yaml and from what the sensors say that they work under, and keeps their
// versions.
type storeNotices struct {
	stores   []stores.Store
	org      notice.Org
	fleet    *fleet.Fleet
	tags     func() int // distinct tags of the list; -1 unknown
	history  *notice.History
	audit    *audit.Log
	embedded bool
	now      func() time.Time
	log      *slog.Logger

	chain sync.Once // the next two are known: they are the same for years
	seal  time.Duration
	day   time.Duration

	mu    sync.Mutex
	noted map[string]string      // the rules whose version is noted, by store, as rulesName names them
	past  map[string]notice.Past // the versions, by store, as they are in the history: only this program writes there
}

// Stores implements optout.Notices.
func (n *storeNotices) Stores() []optout.Store {
	var list []optout.Store
	for i := range n.stores {
		list = append(list, n.store(&n.stores[i]))
	}
	return list
}

func (n *storeNotices) store(s *stores.Store) optout.Store {
	one := optout.Store{ID: s.ID, Name: s.Name}
	f, err := n.facts(s)
	if err != nil {
		one.Unread = err
		return one
	}
	if f.Rules.Policy != notice.CountOnly {
		one.CodesFor = time.Duration(max(f.Rules.LongestLife, f.Rules.ReturnLife)) // return codes stay for longer than the day's codes
	}
	if f.Rules.ReturnFilter {
		one.BitWeeks = f.Rules.FilterWeeks
	}
	return one
}

// Notice implements optout.Notices.
func (n *storeNotices) Notice(store, lang string) (optout.Notice, error) {
	at := slices.IndexFunc(n.stores, func(s stores.Store) bool { return s.ID == store })
	if at < 0 {
		return optout.Notice{}, optout.ErrNoStore
	}
	f, err := n.facts(&n.stores[at])
	if err == nil {
		err = n.note(f)
	}
	if err != nil {
		return optout.Notice{}, err
	}
	document, err := f.Document(lang)
	if err != nil {
		return optout.Notice{}, err
	}
	past, err := n.versions(store)
	if err != nil {
		return optout.Notice{}, err
	}
	changes, err := notice.Changes(past)
	if err != nil {
		return optout.Notice{}, err
	}
	out := optout.Notice{Document: document, Changes: changes}
	if len(past.Versions) > 0 {
		last := past.Versions[len(past.Versions)-1]
		out.Version, out.Since = last.Number, last.At
	}
	return out, nil
}

// asked reports whether the sensors' states were read.
func (n *storeNotices) asked() bool { return n.fleet.Progress(nil, 0, n.now()).Ready }

// facts are what a store's notice states: what it runs under, and what is still held of before. Before the sensors were read they
// are an error.
func (n *storeNotices) facts(s *stores.Store) (notice.Facts, error) {
	if !n.asked() {
		return notice.Facts{}, errNotAsked
	}
	n.chain.Do(func() { n.seal, n.day = lifetime.Chain(n.stores, n.now()) })
	in := notice.Input{
		Store: *s, LegalBasis: s.LegalBasis, Org: n.org, Asked: true, Registrations: n.tags(), Now: n.now(), Embedded: n.embedded,
		ChainSealAfter: n.seal, ChainLongestDay: n.day,
	}
	for _, state := range n.fleet.Of(s.ID) {
		in.Sensors = append(in.Sensors, reported(&state, n.now()))
	}
	past, err := n.versions(s.ID)
	return notice.Widen(notice.Gather(in), past, in.Now), err
}

// versions are the versions of a store's notice, read once and after each new one.
func (n *storeNotices) versions(store string) (notice.Past, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.read(store)
}

// read is versions for who holds the lock.
func (n *storeNotices) read(store string) (notice.Past, error) {
	if past, ok := n.past[store]; ok {
		return past, nil
	}
	past, err := n.history.Versions(store)
	if err != nil {
		return past, err
	}
	if n.past == nil {
		n.past = map[string]notice.Past{}
	}
	n.past[store] = past
	return past, nil
}

// reported is what a notice is told of a sensor.
func reported(s *fleet.State, now time.Time) notice.Sensor {
	return notice.Sensor{
		ID: s.Sensor, Zone: s.Zone, Online: s.Online(now), Policy: s.Policy, FailClosed: s.FailClosed, KnowsSettings: s.Settings.Known,
		SpoolIDAge: s.Settings.SpoolIDAge, OptOutMaxAge: s.Settings.OptOutMaxAge, SealAfter: s.Settings.SealAfter,
		InsideDBM: s.Settings.InsideDBM, FloorDBM: s.Settings.FloorDBM, Hours: s.Settings.Hours, TimeZone: s.Settings.TimeZone,
		ReturnEpsilon: s.Settings.ReturnEpsilon,
	}
}

// note keeps the version of the rules, and has the audit log say that they changed.
func (n *storeNotices) note(f notice.Facts) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	name := f.Rules.Digest() + f.Running().Digest()
	if n.noted[f.Store] == name {
		return nil
	}
	past, err := n.read(f.Store)
	if err != nil {
		return err
	}
	version, changed, _, err := n.history.Note(f, n.now())
	if err != nil {
		return err
	}
	if changed {
		delete(n.past, f.Store)
		n.log.Info("the notice of a store has a new version", "store", f.Store, "version", version)
		err = n.say(f, version, newPolicy(past, f))
	}
	if n.noted == nil {
		n.noted = map[string]string{}
	}
	n.noted[f.Store] = name
	return err
}

// newPolicy is the policy that the audit log has to name, empty where it is as before: the one in force where that is another than
// in the last version, which an earlier process may have noted, or else that of stores.yaml, which sensors may not follow yet.
func newPolicy(past notice.Past, f notice.Facts) string {
	now := f.Running()
	if len(past.Versions) == 0 {
		return now.Policy
	}
	before := past.Versions[len(past.Versions)-1].Running()
	switch {
	case before.Policy != now.Policy:
		return now.Policy
	case before.SetPolicy != now.SetPolicy:
		return now.SetPolicy
	}
	return ""
}

func (n *storeNotices) say(f notice.Facts, version int, policy string) error {
	var sum [32]byte
	if _, err := hex.Decode(sum[:], []byte(f.Rules.Digest())); err != nil {
		return err
	}
	err := n.audit.Append(audit.NoticeChanged, audit.Store.Is(f.Store), audit.Version.Is(noticeVersion(version)), audit.Rules.Is(sum))
	if policy != "" {
		err = errors.Join(err, n.audit.Append(audit.PolicyChanged, audit.Store.Is(f.Store), audit.Policy.Is(policy)))
	}
	return err
}

// run holds the notices against what runs until the context ends.
func (n *storeNotices) run(ctx context.Context) error {
	tick := time.NewTicker(noticeLook)
	defer tick.Stop()
	failed := false
	for {
		if n.asked() {
			var errs []error
			for i := range n.stores {
				f, err := n.facts(&n.stores[i])
				if err == nil {
					err = n.note(f)
				}
				errs = append(errs, err)
			}
			err := errors.Join(errs...)
			if err != nil && !failed {
				n.log.Error("the version of a notice could not be kept; look at the data folder and its disk", "error", err)
			}
			failed = err != nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
