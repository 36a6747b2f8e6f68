package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openfootfall/footfall/aggregate/retention"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/fleet"
	"github.com/openfootfall/footfall/ingest/lifetime"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
)

// snapshot is what is held, in the form of its JSON. Ages and lives are seconds; times are UTC.
type snapshot struct {
	At       time.Time       `json:"at"`
	Software string          `json:"software"`
	NotAsked []string        `json:"not_asked"`
	Places   []heldPlace     `json:"places"`
	Devices  []heldDevices   `json:"devices"`
	OptOuts  *heldOptOuts    `json:"opt_outs"` // null where they were not asked
	Keys     []liveKeys      `json:"keys"`
	Stores   []storePolicy   `json:"stores"`
	Sensors  []sensorsReport `json:"sensors"`

	spools []retention.SensorSpool
}

type heldPlace struct {
	Kind    string     `json:"kind"`
	Name    string     `json:"name"`
	Store   string     `json:"store,omitempty"`
	Oldest  *time.Time `json:"oldest"`
	Newest  *time.Time `json:"newest"`
	AgeS    int64      `json:"age_s"`
	LimitS  int64      `json:"limit_s"` // 0: things stay
	Count   int64      `json:"count_at_most"`
	Bytes   int64      `json:"bytes"` // 0: not known
	Verdict string     `json:"verdict"`
	Reason  string     `json:"reason,omitempty"`
}

type heldDevices struct {
	Store    string `json:"store"`
	StoreDay string `json:"store_day"`
	Devices  uint64 `json:"at_most"`
	Table    string `json:"table"` // device_days, or return_visits: return ids, of policy extended
}

type heldOptOuts struct {
	Records     int `json:"records"`
	Tags        int `json:"tags"`
	Quarantined int `json:"quarantined"`
}

type liveKeys struct {
	Where   string `json:"where"` // keyring, or sensor STORE/SENSOR
	Store   string `json:"store"`
	Issue   string `json:"issue,omitempty"` // names the seed, and gives nothing of it away
	Made    string `json:"made,omitempty"`
	Day     string `json:"day"` // ids of this store-day and later ones can be computed with them, of known addresses; of earlier ones not
	Week    string `json:"week"`
	Bundles int    `json:"bundles"`
}

type storePolicy struct {
	Store      string  `json:"store"`
	TimeZone   string  `json:"time_zone"`
	Policy     string  `json:"policy"`
	LegalBasis string  `json:"legal_basis,omitempty"`
	Epsilon    float64 `json:"return_epsilon"`
	SealAfterS int64   `json:"seal_after_s"`
	OnlineS    int64   `json:"id_life_online_s"`
	LongestS   int64   `json:"id_life_longest_s"`
	ReturnS    int64   `json:"return_id_life_s,omitempty"` // of policy extended
}

type sensorsReport struct {
	Store       string     `json:"store"`
	Sensor      string     `json:"sensor"`
	Made        time.Time  `json:"made"`
	Policy      string     `json:"policy"`
	ListVersion uint64     `json:"opt_out_version"`
	FailClosed  []string   `json:"fail_closed"`
	Trouble     []string   `json:"trouble"`
	SpoolBytes  uint64     `json:"spool_bytes"`
	SpoolOldest *time.Time `json:"spool_oldest"`
	Software    string     `json:"software"`
}

func newSnapshot(list []stores.Store, now time.Time) *snapshot {
	s := &snapshot{
		At: now.UTC().Truncate(time.Second), Software: version, NotAsked: []string{}, Places: []heldPlace{}, Devices: []heldDevices{}, Keys: []liveKeys{},
		Sensors: []sensorsReport{},
	}
	seal, day := lifetime.Chain(list, now)
	b := lifetime.Of(seal, retention.DefaultIDAge, day)
	for i := range list {
		one := &list[i]
		returns := time.Duration(0)
		if one.Policy == wire.Policy_POLICY_EXTENDED {
			returns = lifetime.Returns(seal, day)
		}
		s.Stores = append(s.Stores, storePolicy{
			Store: one.ID, TimeZone: one.Zone, Policy: policyWord(one.Policy), LegalBasis: one.LegalBasis, Epsilon: one.ReturnEpsilon,
			SealAfterS: int64(one.SealAfter / time.Second), OnlineS: int64(b.Online / time.Second), LongestS: int64(b.Longest / time.Second),
			ReturnS: int64(returns / time.Second),
		})
	}
	return s
}

func policyWord(p wire.Policy) string {
	switch p {
	case wire.Policy_POLICY_COUNT_ONLY:
		return "count-only"
	case wire.Policy_POLICY_STANDARD:
		return "standard"
	case wire.Policy_POLICY_EXTENDED:
		return "extended"
	case wire.Policy_POLICY_UNSPECIFIED:
	}
	return "unknown"
}

// missed notes what could not be asked.
func (s *snapshot) missed(what string, err error) {
	s.NotAsked = append(s.NotAsked, fmt.Sprintf("%s: %v", what, err))
}

// instantOf is nil where there is no instant.
func instantOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

func (s *snapshot) addPlaces(ctx context.Context, cfg broker.Config, db *store.DB, list []stores.Store) error {
	in := retention.Input{DB: db, Kafka: cfg, Stores: list, Sensors: s.spools, Now: s.At}
	places, err := retention.Prove(ctx, in)
	for _, p := range places {
		if p.Kind == retention.Spool && db != nil {
			continue // they were listed with the topics
		}
		s.Places = append(s.Places, heldPlace{
			Kind: string(p.Kind), Name: p.Name, Store: p.Store, Oldest: instantOf(p.Oldest), Newest: instantOf(p.Newest), AgeS: int64(p.Age / time.Second),
			LimitS: int64(p.Limit / time.Second), Count: p.Count, Bytes: p.Bytes, Verdict: string(p.Verdict), Reason: string(p.Reason),
		})
	}
	return err
}

func (s *snapshot) addSensors(states []fleet.State) {
	s.spools = spoolsOf(states)
	for _, one := range states {
		s.Sensors = append(s.Sensors, sensorsReport{
			Store: one.Store, Sensor: one.Sensor, Made: one.Made.UTC(), Policy: policyWord(one.Policy), ListVersion: one.ListVersion, FailClosed: orEmpty(one.FailClosed),
			Trouble: orEmpty(one.Trouble), SpoolBytes: one.SpoolBytes, SpoolOldest: instantOf(one.SpoolOldest), Software: one.Software,
		})
		if one.Settings.Known {
			day := one.Settings.KeysDay
			s.Keys = append(s.Keys, liveKeys{Where: "sensor " + one.Sensor, Store: one.Store, Day: day.String(), Week: day.Week().String()})
		}
	}
}

func orEmpty(list []string) []string { return append([]string{}, list...) }

func (s *snapshot) askClickHouse(ctx context.Context, target string, list []stores.Store) {
	db, err := store.Open(ctx, target, store.Options{})
	if err != nil {
		s.missed("tables", err)
		return
	}
	days, err := retention.Held(ctx, db)
	if err = errors.Join(s.addPlaces(ctx, broker.Config{}, db, list), err, db.Close()); err != nil {
		s.missed("tables", err)
	}
	for _, d := range days {
		s.Devices = append(s.Devices, heldDevices{Store: d.Store, StoreDay: d.StoreDay.Format(time.DateOnly), Devices: d.Devices, Table: d.Table})
	}
}

// askKeyring lists the stores whose keys the keyring has: what footfall keys show prints.
func (s *snapshot) askKeyring(k *keysRun, o incidentOptions) {
	file, err := k.open(o.set, o.ring, false)
	if err != nil {
		s.missed("keyring", err)
		return
	}
	defer file.close()
	for _, one := range file.ring.Stores() {
		keys := liveKeys{Where: "keyring", Store: one.Store, Issue: one.Issue, Made: one.Made.String(), Day: one.Day.String(), Week: one.Day.Week().String()}
		for _, i := range one.Issued {
			keys.Bundles += i.Times
		}
		s.Keys = append(s.Keys, keys)
	}
}

// countOptOuts counts the registry's records and tags, and what waits in quarantine.
func countOptOuts(ctx context.Context, cfg broker.Config) (*heldOptOuts, error) {
	records, held := map[string]uint32{}, map[string]bool{}
	_, err := broker.ReadPartition(ctx, cfg, broker.OptOuts, 0, broker.Earliest, func(m broker.Message) error {
		if r, err := registry.Decode(m.Key, m.Value); err == nil && !r.Removed { // a broken one is a breach of its topic
			records[string(m.Key)] = r.Tag
		} else {
			delete(records, string(m.Key))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count the opt-outs: %w", err)
	}
	_, err = broker.ReadPartition(ctx, cfg, broker.Quarantine, 0, broker.Earliest, func(m broker.Message) error {
		if h, err := registry.DecodeHeld(m.Key, m.Value); err == nil && !h.Removed {
			held[string(m.Key)] = true
		} else {
			delete(held, string(m.Key))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count the opt-outs in quarantine: %w", err)
	}
	tags := map[uint32]bool{}
	for _, tag := range records {
		tags[tag] = true
	}
	return &heldOptOuts{Records: len(records), Tags: len(tags), Quarantined: len(held)}, nil
}
