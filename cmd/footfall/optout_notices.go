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

	mu    sync.Mutex
	noted map[string]notice.Rules // the rules whose version is noted, by store
}

// Stores implements optout.Notices.
func (n *storeNotices) Stores() []optout.Store {
	var list []optout.Store
	for i := range n.stores {
		f := n.facts(&n.stores[i])
		one := optout.Store{ID: n.stores[i].ID, Name: n.stores[i].Name}
		if f.Rules.Policy != notice.CountOnly {
			one.CodesFor = time.Duration(f.Rules.LongestLife)
		}
		if f.Rules.ReturnCodes { // they stay for longer than the day's codes
			one.CodesFor = max(one.CodesFor, time.Duration(f.Rules.CodeDays+1)*lifetime.StoreDay)
		}
		list = append(list, one)
	}
	return list
}

// Notice implements optout.Notices.
func (n *storeNotices) Notice(store, lang string) (optout.Notice, error) {
	at := slices.IndexFunc(n.stores, func(s stores.Store) bool { return s.ID == store })
	if at < 0 {
		return optout.Notice{}, optout.ErrNoStore
	}
	if !n.asked() {
		return optout.Notice{}, errNotAsked
	}
	f := n.facts(&n.stores[at])
	if err := n.note(f); err != nil {
		return optout.Notice{}, err
	}
	document, err := f.Document(lang)
	if err != nil {
		return optout.Notice{}, err
	}
	past, err := n.history.Versions(store)
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

func (n *storeNotices) facts(s *stores.Store) notice.Facts {
	in := notice.Input{Store: *s, LegalBasis: s.LegalBasis, Org: n.org, Asked: n.asked(), Tags: n.tags(), Now: n.now(), Embedded: n.embedded}
	for _, state := range n.fleet.Of(s.ID) {
		in.Sensors = append(in.Sensors, reported(&state, n.now()))
	}
	return notice.Gather(in)
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
	before, known := n.noted[f.Store]
	digest := f.Rules.Digest()
	if known && before.Digest() == digest {
		return nil
	}
	version, changed, _, err := n.history.Note(f, n.now())
	if err != nil {
		return err
	}
	if changed {
		n.log.Info("the notice of a store has a new version", "store", f.Store, "version", version)
		err = n.say(f, version, known && before.Policy != f.Rules.Policy || version == 1)
	}
	if n.noted == nil {
		n.noted = map[string]notice.Rules{}
	}
	n.noted[f.Store] = f.Rules
	return err
}

func (n *storeNotices) say(f notice.Facts, version int, policy bool) error {
	var sum [32]byte
	if _, err := hex.Decode(sum[:], []byte(f.Rules.Digest())); err != nil {
		return err
	}
	err := n.audit.Append(audit.NoticeChanged, audit.Store.Is(f.Store), audit.Version.Is(noticeVersion(version)), audit.Text.Is(sum))
	if policy {
		err = errors.Join(err, n.audit.Append(audit.PolicyChanged, audit.Store.Is(f.Store), audit.Policy.Is(f.Rules.Policy)))
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
				errs = append(errs, n.note(n.facts(&n.stores[i])))
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
