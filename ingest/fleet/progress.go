package fleet

import (
	"time"

	"github.com/openfootfall/footfall/ingest/stores"
)

// Progress says how far a version of the opt-out list has come.
type Progress struct {
	Sensors   int // of the stores, heard of or not
	Online    int // of those: State.Online
	Enforcing int // of the online ones: State.Enforces, and State.SameKey as Options.OptOutKeyCheck
	OtherKey  int // of the online ones: they said that they have another opt-out key, so they drop other addresses

	Stores int
	// StoresAnswered are the stores of which at least one sensor is online, and every sensor that is online enforces the version.
	// One that is offline does so before it sends anything.
	StoresAnswered int

	// OldestList is how long ago the opt-out list was confirmed at the sensor where that is longest ago, among all that were heard
	// of, online or not, and ever had it confirmed; below 0 where there is none. A sensor that never had sends no ids.
	OldestList time.Duration

	// Ready says that the fleet has stood at the end of the topic: before that sensors are missing that were heard of.
	Ready bool
}

// Progress says how many sensors of the stores enforce that version of the opt-out list, or a newer one, at a time.
func (f *Fleet) Progress(list []stores.Store, version uint64, now time.Time) Progress {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := Progress{Stores: len(list), OldestList: -1, Ready: f.ready}
	for i := range list {
		online, enforcing := 0, 0
		for _, sensor := range list[i].Sensors {
			p.Sensors++
			s := f.states[keyOf(list[i].ID, sensor.ID)]
			if s == nil {
				continue
			}
			if age, known := s.ListAgeAt(now); known {
				p.OldestList = max(p.OldestList, age)
			}
			if s.Online(now) {
				online++
				if s.otherKey(f.check) {
					p.OtherKey++
				}
			}
			if s.Enforces(version, now) && s.SameKey(f.check) {
				enforcing++
			}
		}
		p.Online += online
		p.Enforcing += enforcing
		if online > 0 && enforcing == online {
			p.StoresAnswered++
		}
	}
	return p
}
