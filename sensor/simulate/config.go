package simulate

import (
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
)

// Config says which store is invented and how busy it is. Default fills it in.
type Config struct {
	Store          stores.Store // its ID, calendar and opening hours are used
	Seed           uint64       // the same seed and store give the same bytes
	Start          calendar.Day // first store-day
	Days           int          // number of store-days
	ShoppersPerDay int          // mean entries on an open store-day
	PassersPerDay  int          // mean people walking past a store-day, open or not
	StableShare    float64      // share of people whose phone never randomises
	Staff          int          // people who work here; the last one carries a phone that randomises
	Gear           int          // tills and other fixed devices inside, always on
	Neighbours     int          // fixed devices next door, heard weakly all day
	Loss           float64      // chance that the sensor misses a frame
	InsideDBM      int          // rssi_inside of the truth
	Continuous     bool         // one capture for the whole span instead of one a store-day
}

// Limits of Config. They keep a store-day within the serial numbers that its addresses are made from.
const (
	MaxDays     = 400
	MaxShoppers = 1500
	MaxPassers  = 3000
	maxFixtures = 200
	maxShare    = 0.5
	maxLoss     = 0.9
)

// Default is a busy shop: 450 entries and 1,500 passers-by a day, a third of the phones stable, five weeks.
func Default(store stores.Store, start calendar.Day) Config {
	return Config{
		Store: store, Seed: 1, Start: start, Days: 35,
		ShoppersPerDay: 450, PassersPerDay: 1500, StableShare: 0.33,
		Staff: 5, Gear: 6, Neighbours: 2,
		Loss: 0.1, InsideDBM: -70,
	}
}

// Check names everything that is wrong with the configuration at once.
func (c Config) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Store.ID == "" {
		bad("store: it has no id; take it from stores.yaml")
	}
	whole := func(name string, value, limit int) {
		if value < 0 || value > limit {
			bad("%s is %d: use 0 to %d", name, value, limit)
		}
	}
	if c.Days < 1 || c.Days > MaxDays {
		bad("days is %d: use 1 to %d", c.Days, MaxDays)
	}
	whole("shoppers a day", c.ShoppersPerDay, MaxShoppers)
	whole("passers-by a day", c.PassersPerDay, MaxPassers)
	whole("staff", c.Staff, maxFixtures)
	whole("gear", c.Gear, maxFixtures)
	whole("neighbours", c.Neighbours, maxFixtures)
	if !(c.StableShare >= 0 && c.StableShare <= maxShare) {
		bad("share of stable phones is %g: use 0 to %g", c.StableShare, maxShare)
	}
	if !(c.Loss >= 0 && c.Loss <= maxLoss) {
		bad("loss is %g: use 0 to %g", c.Loss, maxLoss)
	}
	if c.InsideDBM < -75 || c.InsideDBM > -65 {
		bad("rssi_inside is %d: use -75 to -65", c.InsideDBM)
	}
	return errors.Join(errs...)
}

// seed is the store's own: two stores of one chain are not each other's copy.
func (c Config) seed() uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.Store.ID))
	return mix(c.Seed ^ mix(h.Sum64()))
}
