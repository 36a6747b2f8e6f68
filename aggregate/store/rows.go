package store

import "time"

// Table names, for Insert and Delete. The pub_ tables are named in rows_pub.go.
const (
	TableStores         = "stores"
	TableDeviceDays     = "device_days"
	TablePeopleMinutes  = "people_minutes"
	TableCells          = "cells"
	TableStoreDays      = "store_days"
	TableReturnPatterns = "return_patterns"
	TableRepeatWeeks    = "repeat_weeks"
	TableSealedDays     = "sealed_days"
	TableDeadLetters    = "dead_letters"
	TableReturnVisits   = "return_visits"
)

// Conventions of every row:
//   - StoreDay and StoreWeek are UTC midnights: the date of the store-day, and
//     of the Monday the store-week begins with (calendar.Day.Date gives them);
//   - instants are UTC, of whole seconds unless the field says milliseconds;
//   - Version decides which of two rows with one key stands: the greater. Rows
//     are always whole, so that writing one twice changes nothing;
//   - Weekday is 1 for Monday to 7 for Sunday.

// StoreRow is one store as stores.yaml describes it. Key: Store.
type StoreRow struct {
	Store      string   `ch:"store"`
	Name       string   `ch:"name"`         // shown to people
	TimeZone   string   `ch:"time_zone"`    // IANA name
	Policy     string   `ch:"policy"`       // count-only, standard or extended
	Hours      string   `ch:"hours"`        // opening hours as written in stores.yaml
	Zones      []string `ch:"zones"`        // in the order of stores.yaml
	SealAfterS uint32   `ch:"seal_after_s"` // seconds from the day's end to its sealing
	Version    uint64   `ch:"version"`
}

// DeviceDayRow is what one stable device did in one store-day, until the day is
// sealed. Key: Store, StoreDay, ID. It is the only table with an id in it;
// DeleteDeviceDays and ForgetDevices take its rows off the disk.
type DeviceDayRow struct {
	Store     string        `ch:"store"`
	StoreDay  time.Time     `ch:"store_day"`
	ID        uint64        `ch:"id"` // keyed hash, good for this store and day only
	Sightings uint32        `ch:"sightings"`
	Bounces   uint16        `ch:"bounces"`   // stays too short for a visit
	Visits    []DeviceVisit `ch:"visits"`    // in time order
	SealHour  time.Time     `ch:"seal_hour"` // full UTC hour at which the day is due for sealing; the partition
	Version   uint64        `ch:"version"`
}

// DeviceVisit is one visit inside a DeviceDayRow. First and Last are the
// instants of its first and last sighting, in milliseconds.
type DeviceVisit struct {
	First time.Time  `ch:"first"`
	Last  time.Time  `ch:"last"`
	Zones []ZoneStay `ch:"zones"` // every zone it was heard in
}

// ZoneStay is the part of a visit heard in one zone: first and last sighting
// there (milliseconds) and how many there were.
type ZoneStay struct {
	Zone  string    `ch:"zone"`
	First time.Time `ch:"first"`
	Last  time.Time `ch:"last"`
	Count uint32    `ch:"count"`
}

// PeopleMinuteRow is what one sensor heard in one minute, without ids and
// without classes. Key: Store, StoreDay, Sensor, Minute. Deleted at sealing.
type PeopleMinuteRow struct {
	Store        string    `ch:"store"`
	StoreDay     time.Time `ch:"store_day"`
	Minute       time.Time `ch:"minute"` // its start
	Sensor       string    `ch:"sensor"`
	Zone         string    `ch:"zone"`
	Random       float64   `ch:"random"`     // estimated devices inside with random addresses
	ListenedS    uint8     `ch:"listened_s"` // seconds listened, 0 to 60
	FramesRandom uint32    `ch:"frames_random"`
	FramesStable uint32    `ch:"frames_stable"`
	PassersBy    uint32    `ch:"passers_by"`
	ExcludedLong uint32    `ch:"excluded_long"` // heard for longer than visit_max, never inside
	Final        bool      `ch:"final"`         // no later message of an open stream changes Random
	Version      uint64    `ch:"version"`
}

// CellRow is one store in one 15-minute cell, exact. Key: Store, StoreDay,
// Start. Deleted at sealing.
type CellRow struct {
	Store           string    `ch:"store"`
	StoreDay        time.Time `ch:"store_day"`
	Start           time.Time `ch:"start"`      // UTC
	LocalHour       uint8     `ch:"local_hour"` // of Start, on the store's clock
	LocalMinute     uint8     `ch:"local_minute"`
	Weekday         uint8     `ch:"weekday"` // of the store-day, 1 = Monday
	StoreWeek       time.Time `ch:"store_week"`
	ListenedMinutes uint8     `ch:"listened_minutes"` // minutes with any listening, 0 to 15
	Visits          uint32    `ch:"visits"`           // begun in this cell
	Bounces         uint32    `ch:"bounces"`
	PassersBy       uint32    `ch:"passers_by"`
	Engaged         uint32    `ch:"engaged"` // visits begun here that lasted 15 minutes or more
	ExcludedLong    uint32    `ch:"excluded_long"`
	Counted         *uint32   `ch:"counted"` // distinct stable devices whose ids did not leave their sensor: the largest of the sensors' counts; nil where none counted
	Stable          float64   `ch:"stable"`  // mean stable devices inside
	Random          float64   `ch:"random"`  // mean random-address devices inside
	Occupancy       float64   `ch:"occupancy"`
	OccupancyLow    float64   `ch:"occupancy_low"`
	OccupancyHigh   float64   `ch:"occupancy_high"`
	EstimatedVisits float64   `ch:"estimated_visits"` // by Little's law
	EstimatedLow    float64   `ch:"estimated_low"`
	EstimatedHigh   float64   `ch:"estimated_high"`
	FramesRandom    uint64    `ch:"frames_random"`
	FramesStable    uint64    `ch:"frames_stable"`
	DwellS          []uint32  `ch:"dwell_s"` // seconds, one per visit begun here
	Final           bool      `ch:"final"`
	Version         uint64    `ch:"version"`
}

// StoreDayRow is one store-day, exact, kept after sealing. Key: Store,
// StoreDay. The dwell columns are nil under 10 distinct visitors; the exact
// counts and estimates of such a day read 0 once it is sealed, unless its store
// only counts.
type StoreDayRow struct {
	Store           string    `ch:"store"`
	StoreDay        time.Time `ch:"store_day"`
	Weekday         uint8     `ch:"weekday"`
	StoreWeek       time.Time `ch:"store_week"`
	Visits          uint32    `ch:"visits"`
	Bounces         uint32    `ch:"bounces"`
	Visitors        uint32    `ch:"visitors"` // distinct ids with a visit
	PassersBy       uint32    `ch:"passers_by"`
	Engaged         uint32    `ch:"engaged"`
	ExcludedLong    uint32    `ch:"excluded_long"`
	DwellSumS       *float64  `ch:"dwell_sum_s"` // seconds over all visits
	DwellP25S       *float64  `ch:"dwell_p25_s"` // seconds
	DwellP50S       *float64  `ch:"dwell_p50_s"`
	DwellP75S       *float64  `ch:"dwell_p75_s"`
	StayMin         float64   `ch:"stay_min"` // the mean stay W in minutes that this day was estimated with
	EstimatedVisits float64   `ch:"estimated_visits"`
	EstimatedLow    float64   `ch:"estimated_low"`
	EstimatedHigh   float64   `ch:"estimated_high"`
	OccupancyMean   float64   `ch:"occupancy_mean"` // over the listened minutes
	OccupancyLow    float64   `ch:"occupancy_low"`
	OccupancyHigh   float64   `ch:"occupancy_high"`
	FramesRandom    uint64    `ch:"frames_random"`
	FramesStable    uint64    `ch:"frames_stable"`
	Extended        bool      `ch:"extended"` // sealed under policy extended, with return ids that are still there: of a store that lost them the last day says no
	Sealed          bool      `ch:"sealed"`
	Version         uint64    `ch:"version"`
}

// ReturnPatternRow adds up the noisy answers of the return filters of one
// store-day. Key: Store, StoreDay. Deleted when its week is sealed.
type ReturnPatternRow struct {
	Store         string    `ch:"store"`
	StoreDay      time.Time `ch:"store_day"`
	StoreWeek     time.Time `ch:"store_week"`
	Counts        []uint32  `ch:"counts"` // 32: how many visitors gave each pattern of five bits
	Q0            []float64 `ch:"q0"`     // 5: mean share of ones of the filters that were asked
	LookbackWeeks uint8     `ch:"lookback_weeks"`
	Visitors      uint32    `ch:"visitors"` // distinct visitors of the day, answered or not
	// Policy extended: how many visitors had a return id, how many of these visited on one of the 7, 14 and 28 store-days
	// before, and for how many of these days (0 to 28) the store has return ids.
	ReturnVisitors uint32 `ch:"return_visitors"`
	Repeat7D       uint32 `ch:"repeat_7d"`
	Repeat14D      uint32 `ch:"repeat_14d"`
	Repeat28D      uint32 `ch:"repeat_28d"`
	LookbackDays   uint8  `ch:"lookback_days"`
	Version        uint64 `ch:"version"`
}

// ReturnVisitRow says that a return id visited a store of policy extended on a
// store-day. Key: Store, StoreDay, Period, ReturnID. DeleteReturnVisits and
// ForgetReturns take rows off the disk; no row outlives 31 days after Written.
type ReturnVisitRow struct {
	Store    string    `ch:"store"`
	Period   int32     `ch:"period"`    // store-day / 28
	ReturnID uint64    `ch:"return_id"` // keyed hash, good for this store and period only
	StoreDay time.Time `ch:"store_day"`
	Written  time.Time `ch:"written"`
	Version  uint64    `ch:"version"`
}

// RepeatWeekRow is the repeat rate of one store-week, exact. Shares are 0 to 1.
// Key: Store, StoreWeek. The repeat columns are nil without enough look-back.
type RepeatWeekRow struct {
	Store         string    `ch:"store"`
	StoreWeek     time.Time `ch:"store_week"`
	Visitors      uint32    `ch:"visitors"` // each counted once a day; 0 under 10
	NewShare      float64   `ch:"new_share"`
	NewLow        float64   `ch:"new_low"`
	NewHigh       float64   `ch:"new_high"`
	LookbackWeeks uint8     `ch:"lookback_weeks"`
	Repeat1W      *float64  `ch:"repeat_1w"` // visited earlier this week or in the week before
	Repeat1WLow   *float64  `ch:"repeat_1w_low"`
	Repeat1WHigh  *float64  `ch:"repeat_1w_high"`
	Repeat4W      *float64  `ch:"repeat_4w"` // or in the four weeks before
	Repeat4WLow   *float64  `ch:"repeat_4w_low"`
	Repeat4WHigh  *float64  `ch:"repeat_4w_high"`
	Days          uint8     `ch:"days"` // store-days of the week that are in it
	Version       uint64    `ch:"version"`
}

// SealedDayRow says that a store-day is closed, and where its Seal stands in
// the two topics. It is written last. Key: Store, StoreDay.
type SealedDayRow struct {
	Store           string    `ch:"store"`
	StoreDay        time.Time `ch:"store_day"`
	Partition       int32     `ch:"partition"`
	SightingsOffset int64     `ch:"sightings_offset"`
	CountersOffset  int64     `ch:"counters_offset"`
	Version         uint64    `ch:"version"`
}

// DeadLetterRow is a message that was not used: header and reason, never the
// body. Kept for 30 days; a replay writes the same row again. Key: Topic,
// Partition, Offset.
type DeadLetterRow struct {
	Topic     string    `ch:"topic"`
	Partition int32     `ch:"partition"`
	Offset    int64     `ch:"offset"`
	Reason    string    `ch:"reason"` // from the closed list of the decoder
	Store     string    `ch:"store"`  // empty where the header could not be read
	Sensor    string    `ch:"sensor"`
	Received  time.Time `ch:"received"`
}
