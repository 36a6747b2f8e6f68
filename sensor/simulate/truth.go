package simulate

import "time"

// Truth is what really happened in the simulated store. It holds counts, times and strengths' consequences, never an address.
type Truth struct {
	StoreID     string      `json:"store"`
	Seed        uint64      `json:"seed"`
	InsideDBM   int         `json:"rssi_inside"`
	RandomShare float64     `json:"random_shoppers_share"` // entries by people whose phone randomises / all entries
	Days        []DayTruth  `json:"days"`
	Weeks       []WeekTruth `json:"weeks"`
}

// DayTruth is one store-day.
type DayTruth struct {
	Date string `json:"date"` // on which the store-day begins
	Open bool   `json:"open"` // at some time of it

	Entries       int `json:"entries"`        // shoppers coming in, however short
	RandomEntries int `json:"random_entries"` // of these, with a phone that randomises
	Stays         int `json:"stays"`          // entries that stayed 5 minutes or more: what "estimated visits" estimates
	People        int `json:"people"`         // different people among them

	Stable Stable `json:"stable"`
	Frames Frames `json:"frames"`

	Cells []Cell `json:"cells"` // 15 minutes each, the whole store-day
	Hours []Cell `json:"hours"` // an hour each, the whole store-day
}

// Stable is about devices that never randomise, recounted from the bursts that they sent while the store was open, lost or not,
// by DESIGN's words: gaps of at most 15 minutes between bursts at rssi_inside or above, 5 minutes to 6 hours long.
type Stable struct {
	Visits       int `json:"visits"`
	Bounces      int `json:"bounces"`
	Visitors     int `json:"visitors"`      // different devices with a visit
	ExcludedLong int `json:"excluded_long"` // longer than 6 hours inside: staff, tills
	PassersBy    int `json:"passers_by"`
	LongOutside  int `json:"excluded_long_outside"` // longer than 6 hours and never inside: the neighbours'

	CaptureRate float64   `json:"capture_rate"` // visits / (visits + bounces + passers-by); 0 without any
	Dwell       Quartiles `json:"dwell_s"`      // last minus first burst of a visit
	MeanDwell   float64   `json:"dwell_mean_s"`
	DoorToDoor  Quartiles `json:"door_to_door_s"` // of the same visits, from entry to exit
}

// Quartiles are in seconds, interpolated between the two nearest values; all 0 without any value.
type Quartiles struct {
	Lower  float64 `json:"q1"`
	Median float64 `json:"median"`
	Upper  float64 `json:"q3"`
}

// Frames counts the probe requests in the capture, those while the store was open apart.
type Frames struct {
	Random      int64   `json:"random"`
	Stable      int64   `json:"stable"`
	OpenRandom  int64   `json:"open_random"`
	OpenStable  int64   `json:"open_stable"`
	RandomShare float64 `json:"random_share"` // while open; 0 without any frame
	Bytes       int64   `json:"bytes"`        // of the capture
}

// Cell is a stretch of a store-day. Occupancy is the mean number of people inside, each with a phone.
type Cell struct {
	Start        time.Time `json:"start"` // UTC
	LocalHour    int       `json:"local_hour"`
	Open         bool      `json:"open"` // at some time of it
	Occupancy    float64   `json:"occupancy"`
	Staff        float64   `json:"staff"`         // mean number of staff inside, not in occupancy
	StaffRandom  float64   `json:"staff_random"`  // of these, with a phone that randomises: a sensor takes them for people inside
	Entries      int       `json:"entries"`       // shoppers
	StableVisits int       `json:"stable_visits"` // that began here
}

// WeekTruth is one store-week, as far as it was simulated.
type WeekTruth struct {
	Monday      string  `json:"monday"`
	Visits      int     `json:"visits"`       // of stable devices
	Visitors    int     `json:"visitors"`     // stable devices with a visit, each counted once a store-day
	CaptureRate float64 `json:"capture_rate"` // of stable devices; 0 without any

	// Of these visitors: who visited on an earlier store-day of the week or of the 1 (4) weeks before.
	OneWeek   Repeat `json:"repeat_1_week"`
	FourWeeks Repeat `json:"repeat_4_weeks"`
}

// Repeat is a repeat rate in two forms. Ever counts store-days before the simulation as well: the same people lived then.
// Span counts simulated store-days only, which is all that a sensor installed on the first of them can know.
type Repeat struct {
	LookBack  int     `json:"look_back_weeks"` // whole weeks before this one that were simulated, at most 1 (4)
	Ever      int     `json:"ever"`            // visitors, each counted once a store-day
	EverShare float64 `json:"ever_share"`      // of the week's visitors; 0 without any
	Span      int     `json:"span"`
	SpanShare float64 `json:"span_share"`
}

func (t *DayTruth) addFrames(f frames) {
	t.Frames = Frames{
		Random: f.random, Stable: f.stable, OpenRandom: f.openRandom, OpenStable: f.openStable,
		RandomShare: share(int(f.openRandom), int(f.openRandom+f.openStable)), Bytes: f.bytes,
	}
}

// share is part of whole, 0 of nothing.
func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
