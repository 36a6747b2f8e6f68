package store

import "time"

// Names of the published tables, the only ones a dashboard may read.
const (
	TablePubStoreLive    = "pub_store_live"
	TablePubStoreQuarter = "pub_store_quarter"
	TablePubStoreHour    = "pub_store_hour"
	TablePubZoneHour     = "pub_zone_hour"
	TablePubStoreDay     = "pub_store_day"
	TablePubStoreWeek    = "pub_store_week"
	TablePubSensor5Min   = "pub_sensor_5min"
	TablePubRetention    = "pub_retention"
	TablePubStores       = "pub_stores"
	TablePubPrivacy      = "pub_privacy"
)

// Conventions of every published row, beside those of rows.go: a number is nil
// unless its state is "value"; the states are value, under_10, quiet, closed,
// no_data and policy. Counts are rounded to 5, shares are whole percent.

// PubStoreLiveRow is how many are inside a store just now. Key: Store.
type PubStoreLiveRow struct {
	Store          string    `ch:"store"`
	Start          time.Time `ch:"start"` // of the five minutes
	StoreDay       time.Time `ch:"store_day"`
	LocalHour      uint8     `ch:"local_hour"`
	LocalMinute    uint8     `ch:"local_minute"`
	Occupancy      *int32    `ch:"occupancy"`
	OccupancyLow   *int32    `ch:"occupancy_low"`
	OccupancyHigh  *int32    `ch:"occupancy_high"`
	OccupancyState string    `ch:"occupancy_state"`
	Version        uint64    `ch:"version"`
}

// PubStoreQuarterRow is one store in one quarter of an hour. Key: Store, Start.
type PubStoreQuarterRow struct {
	Store           string    `ch:"store"`
	Start           time.Time `ch:"start"`
	StoreDay        time.Time `ch:"store_day"`
	LocalHour       uint8     `ch:"local_hour"`
	LocalMinute     uint8     `ch:"local_minute"`
	Weekday         uint8     `ch:"weekday"`
	StoreWeek       time.Time `ch:"store_week"`
	Occupancy       *int32    `ch:"occupancy"` // mean people present
	OccupancyLow    *int32    `ch:"occupancy_low"`
	OccupancyHigh   *int32    `ch:"occupancy_high"`
	OccupancyState  string    `ch:"occupancy_state"`
	EstimatedVisits *int32    `ch:"estimated_visits"`
	EstimatedLow    *int32    `ch:"estimated_low"`
	EstimatedHigh   *int32    `ch:"estimated_high"`
	EstimatedState  string    `ch:"estimated_state"`
	Counted         *int32    `ch:"counted"` // stable devices that were only counted; in no other number
	CountedState    string    `ch:"counted_state"`
	Version         uint64    `ch:"version"`
}

// PubStoreHourRow is one store in one hour. Key: Store, Start.
type PubStoreHourRow struct {
	Store           string    `ch:"store"`
	Start           time.Time `ch:"start"`
	StoreDay        time.Time `ch:"store_day"`
	LocalHour       uint8     `ch:"local_hour"`
	Weekday         uint8     `ch:"weekday"`
	StoreWeek       time.Time `ch:"store_week"`
	Visits          *int32    `ch:"visits"`
	VisitsState     string    `ch:"visits_state"`
	EstimatedVisits *int32    `ch:"estimated_visits"`
	EstimatedLow    *int32    `ch:"estimated_low"`
	EstimatedHigh   *int32    `ch:"estimated_high"`
	EstimatedState  string    `ch:"estimated_state"`
	Version         uint64    `ch:"version"`
}

// PubZoneHourRow is one zone of a store in one hour. Key: Store, Zone, Start.
type PubZoneHourRow struct {
	Store       string    `ch:"store"`
	Zone        string    `ch:"zone"`
	Start       time.Time `ch:"start"`
	StoreDay    time.Time `ch:"store_day"`
	LocalHour   uint8     `ch:"local_hour"`
	Weekday     uint8     `ch:"weekday"`
	StoreWeek   time.Time `ch:"store_week"`
	Visits      *int32    `ch:"visits"` // visits that touched the zone first in this hour
	VisitsState string    `ch:"visits_state"`
	Version     uint64    `ch:"version"`
}

// PubStoreDayRow is one store-day. Key: Store, StoreDay.
type PubStoreDayRow struct {
	Store            string    `ch:"store"`
	StoreDay         time.Time `ch:"store_day"`
	Weekday          uint8     `ch:"weekday"`
	StoreWeek        time.Time `ch:"store_week"`
	Visits           *int32    `ch:"visits"`
	VisitsState      string    `ch:"visits_state"`
	Bounces          *int32    `ch:"bounces"`
	BouncesState     string    `ch:"bounces_state"`
	Visitors         *int32    `ch:"visitors"`
	VisitorsState    string    `ch:"visitors_state"`
	PassersBy        *int32    `ch:"passers_by"`
	PassersByState   string    `ch:"passers_by_state"`
	CaptureRatePct   *int32    `ch:"capture_rate_pct"`
	CaptureRateState string    `ch:"capture_rate_state"`
	EngagedPct       *int32    `ch:"engaged_pct"`
	EngagedState     string    `ch:"engaged_state"`
	DwellP25Min      *int32    `ch:"dwell_p25_min"` // minutes
	DwellP50Min      *int32    `ch:"dwell_p50_min"`
	DwellP75Min      *int32    `ch:"dwell_p75_min"`
	DwellState       string    `ch:"dwell_state"`
	RandomSharePct   *int32    `ch:"random_share_pct"`
	RandomShareState string    `ch:"random_share_state"`
	CoveragePct      *int32    `ch:"coverage_pct"`
	CoverageState    string    `ch:"coverage_state"`
	EstimatedVisits  *int32    `ch:"estimated_visits"`
	EstimatedLow     *int32    `ch:"estimated_low"`
	EstimatedHigh    *int32    `ch:"estimated_high"`
	EstimatedState   string    `ch:"estimated_state"`
	Sealed           bool      `ch:"sealed"`
	Version          uint64    `ch:"version"`
}

// PubStoreWeekRow is one store-week. Key: Store, StoreWeek. State belongs to
// the new and repeat shares by weeks, which are estimated; those by days are
// exact, and a store has them under policy extended only.
type PubStoreWeekRow struct {
	Store           string    `ch:"store"`
	StoreWeek       time.Time `ch:"store_week"`
	Visitors        *int32    `ch:"visitors"`
	VisitorsState   string    `ch:"visitors_state"`
	Repeat1WPct     *int32    `ch:"repeat_1w_pct"`
	Repeat1WLowPct  *int32    `ch:"repeat_1w_low_pct"`
	Repeat1WHighPct *int32    `ch:"repeat_1w_high_pct"`
	Repeat4WPct     *int32    `ch:"repeat_4w_pct"`
	Repeat4WLowPct  *int32    `ch:"repeat_4w_low_pct"`
	Repeat4WHighPct *int32    `ch:"repeat_4w_high_pct"`
	NewPct          *int32    `ch:"new_pct"`
	NewLowPct       *int32    `ch:"new_low_pct"`
	NewHighPct      *int32    `ch:"new_high_pct"`
	LookbackWeeks   uint8     `ch:"lookback_weeks"`
	State           string    `ch:"state"`
	Repeat7DPct     *int32    `ch:"repeat_7d_pct"`
	Repeat7DState   string    `ch:"repeat_7d_state"`
	Repeat14DPct    *int32    `ch:"repeat_14d_pct"`
	Repeat14DState  string    `ch:"repeat_14d_state"`
	Repeat28DPct    *int32    `ch:"repeat_28d_pct"`
	Repeat28DState  string    `ch:"repeat_28d_state"`
	Version         uint64    `ch:"version"`
}

// PubSensor5MinRow is the health of one sensor in five minutes. It holds no
// count of devices. Totals are since the sensor's start; FailClosed, Trouble,
// SpoolBytes and SpoolOldest are as of its newest heartbeat of the five minutes.
// Key: Store, Sensor, Start.
type PubSensor5MinRow struct {
	Store         string            `ch:"store"`
	Sensor        string            `ch:"sensor"`
	Zone          string            `ch:"zone"`
	Start         time.Time         `ch:"start"`
	ListenedS     uint16            `ch:"listened_s"` // seconds, 0 to 300
	LastCapture   time.Time         `ch:"last_capture"`
	FailClosed    string            `ch:"fail_closed"` // why the sensor only counts; empty when it does not
	Trouble       string            `ch:"trouble"`     // all that does not work as configured; empty when everything does
	OptoutVersion uint64            `ch:"optout_version"`
	Drops         map[string]uint64 `ch:"drops"`          // frames by reason
	SpoolBytes    uint64            `ch:"spool_bytes"`    // held, not sent yet
	SpoolOldest   *time.Time        `ch:"spool_oldest"`   // capture time of the oldest message held; nil where none is
	SpoolLost     uint64            `ch:"spool_lost"`     // messages given up
	KernelDropped uint64            `ch:"kernel_dropped"` // frames not read in time
	Channels      map[uint16]uint64 `ch:"channels"`       // frames by the channel's centre in MHz; 0 is unknown
	Version       uint64            `ch:"version"`
}

// PubRetentionRow says how old the oldest thing in a place is, as proven on one day; a breach stands for the rest of its day. It
// holds no count of devices. Key: Day, Kind, Store, Name.
type PubRetentionRow struct {
	Day       time.Time  `ch:"day"`   // midnight UTC
	Kind      string     `ch:"kind"`  // topic, table, parts or spool
	Store     string     `ch:"store"` // empty where all stores share the place
	Name      string     `ch:"name"`  // of the topic, table or sensor
	CheckedAt time.Time  `ch:"checked_at"`
	Oldest    *time.Time `ch:"oldest"`  // nil where there is nothing, or nothing is known
	AgeS      *uint64    `ch:"age_s"`   // seconds
	LimitS    *uint64    `ch:"limit_s"` // seconds; nil where things stay
	State     string     `ch:"state"`   // ok, breach or unknown
	Reason    string     `ch:"reason"`
	Version   uint64     `ch:"version"`
}

// PubStoreRow is what dashboards know of a store beside its numbers. Key: Store.
type PubStoreRow struct {
	Store    string `ch:"store"`
	Name     string `ch:"name"`      // shown to people
	Region   string `ch:"region"`    // empty where it has none
	TimeZone string `ch:"time_zone"` // IANA name
	Policy   string `ch:"policy"`    // count_only, standard or extended
	Hours    string `ch:"hours"`     // opening hours, for people
	Sensors  uint16 `ch:"sensors"`   // by stores.yaml
	Version  uint64 `ch:"version"`
}

// PubPrivacyRow is one fact for whoever answers for privacy, as it is now; the columns' comments say what each measure has where.
// It holds no count of devices. Key: Measure, Store, Item.
type PubPrivacyRow struct {
	Measure   string     `ch:"measure"` // keys, optout, optout_list, erasures or audit
	Store     string     `ch:"store"`   // empty where it is about all stores
	Item      string     `ch:"item"`    // a sensor, a store-day or a program
	At        *time.Time `ch:"at"`
	Day       *time.Time `ch:"day"` // midnight UTC of a store-day
	Value     *int64     `ch:"value"`
	State     string     `ch:"state"`
	CheckedAt time.Time  `ch:"checked_at"`
	Version   uint64     `ch:"version"`
}
