package privacy

import (
	"math"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/fleet"
	"github.com/openfootfall/footfall/ingest/stores"
)

// sensors are the rows of every sensor of stores.yaml, heard of or not, and of the newest opt-out list.
func (w *Watch) sensors(now time.Time) []store.PubPrivacyRow {
	heard := map[[2]string]*fleet.State{}
	list := store.PubPrivacyRow{Measure: OptOutList, State: NoData}
	var newest uint64
	for _, s := range w.cfg.Sensors() {
		heard[[2]string{s.Store, s.Sensor}] = &s
		newest = max(newest, s.ListVersion)
		list.State = OfSensors
	}
	if w.cfg.Newest != nil {
		if version, ok := w.cfg.Newest(); ok {
			newest, list.State = version, OK
		}
	}
	if list.State != NoData {
		list.Value = number(version(newest))
	}
	rows := []store.PubPrivacyRow{list}
	for i := range w.cfg.Stores {
		one := &w.cfg.Stores[i]
		for _, sensor := range one.Sensors {
			s := heard[[2]string{one.ID, sensor.ID}]
			rows = append(rows, keysRow(one, sensor.ID, s, now), w.listRow(one.ID, sensor.ID, s, newest, now))
		}
	}
	return rows
}

// keysRow says which store-day's keys a sensor has. It turns them at the start of its store-day; what it said in the minutes before
// is still of the day before.
func keysRow(one *stores.Store, sensor string, s *fleet.State, now time.Time) store.PubPrivacyRow {
	row := store.PubPrivacyRow{Measure: Keys, Store: one.ID, Item: sensor, State: NoData}
	if s == nil || !s.Settings.Known {
		return row
	}
	day := s.Settings.KeysDay.Date()
	if row.At = instant(s.Made); row.At == nil || instant(day) == nil {
		return store.PubPrivacyRow{Measure: Keys, Store: one.ID, Item: sensor, State: NoData} // nobody can have such keys
	}
	row.Day = &day
	row.Value = number(int64(max(0, one.Calendar.DayOf(now)-s.Settings.KeysDay)))
	switch {
	case !s.Online(now):
		row.State = Silent
	case s.Settings.KeysDay < one.Calendar.DayOf(s.Made.Add(-fleet.OnlineWithin)):
		row.State = Late
	default:
		row.State = OK
	}
	return row
}

// listRow says which opt-out list a sensor enforces.
func (w *Watch) listRow(id, sensor string, s *fleet.State, newest uint64, now time.Time) store.PubPrivacyRow {
	row := store.PubPrivacyRow{Measure: OptOut, Store: id, Item: sensor, State: NoData}
	if s == nil {
		return row
	}
	row.Value = number(version(s.ListVersion))
	age, confirmed := s.ListAgeAt(now)
	if confirmed {
		row.At = instant(now.Add(-age))
	}
	switch {
	case !s.Online(now):
		row.State = Silent
	case !confirmed:
		row.State = Unconfirmed
	case s.Settings.OptOutKeyCheck != 0 && !s.SameKey(w.cfg.OptOutKeyCheck):
		row.State = OtherKey
	case s.ListVersion < newest:
		row.State = Behind
	default:
		row.State = OK
	}
	return row
}

// instant is a time as a DateTime holds it; nil where it does not.
func instant(t time.Time) *time.Time {
	if t.Unix() < 0 || t.Unix() > math.MaxUint32 {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

// version is an offset of the list's topic as the table has it.
func version(v uint64) int64 { return int64(min(v, math.MaxInt64)) }
