package notice

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Facts are all that a notice states of a store.
type Facts struct {
	Store   string `json:"store"`
	Rules   Rules  `json:"rules"`
	InForce *Rules `json:"in_force,omitempty"` // what the store runs under, where Widen made the Rules state more; nil where they are that
	Now     Now    `json:"now"`
}

// Running are the rules that the store runs under: the Rules, but for what is kept of earlier ones.
func (f Facts) Running() Rules { return running(f.Rules, f.InForce) }

func running(stated Rules, inForce *Rules) Rules {
	if inForce != nil {
		return *inForce
	}
	return stated
}

// The policies, as stores.yaml names them.
const (
	CountOnly = "count-only"
	Standard  = "standard"
	Extended  = "extended"
)

// Rules are what a store works under: a change of any of them makes a new version of its notice. What does not apply under the
// policy in force is zero, so that what is not said does not change either.
type Rules struct {
	Name       string    `json:"name"`
	Controller string    `json:"controller"`
	Contact    string    `json:"contact"`
	URL        string    `json:"url"`
	Policy     string    `json:"policy"`                // in force: that which keeps most among stores.yaml's and every sensor's
	SetPolicy  string    `json:"set_policy"`            // stores.yaml's
	LegalBasis string    `json:"legal_basis,omitempty"` // of extended, as recorded
	TimeZone   string    `json:"time_zone"`
	Hours      string    `json:"hours"`                 // stores.yaml's, as stores.Hours writes them
	OtherHours []Opening `json:"other_hours,omitempty"` // under which a sensor works that has not heard of those yet

	KeysDie       string  `json:"keys_die"`         // local time of day at which a day's key is destroyed
	SealAfter     Span    `json:"seal_after"`       // after which the day's codes are deleted; the largest that anything works under
	SpoolIDAge    Span    `json:"spool_id_age"`     // how long a code may wait on a sensor that is offline; the largest
	OnlineLife    Span    `json:"online_life"`      // the longest life of a code from a sensor that is online: lifetime.Of, by the store that seals last
	LongestLife   Span    `json:"longest_life"`     // and from one that is not
	OptOutMaxAge  Span    `json:"optout_max_age"`   // after which a sensor that cannot read the opt-out list only counts; the largest
	InsideDBM     int     `json:"inside_dbm"`       // the weakest signal that is inside, over all sensors
	FloorDBM      int     `json:"floor_dbm"`        // the weakest signal that is a passer-by, over all sensors
	PasserBy      Span    `json:"passer_by"`        // silence after which a passer-by is forgotten
	RandomMemory  Span    `json:"random_memory"`    // how long a sensor remembers a made-up address
	ClassLife     Span    `json:"class_life"`       // how long the stay of a rare model may be seen
	CountersLife  Span    `json:"counters_life"`    // after which the counters that show it are deleted: lifetime.Counters
	RoundedTo     int     `json:"rounded_to"`       // base of published counts
	HiddenUnder   int     `json:"hidden_under"`     // a published count under it is not shown
	SharedByTag   int     `json:"shared_by_tag"`    // about so many addresses in use share a tag of the opt-out list
	OneComputer   bool    `json:"one_computer"`     // all but the sensors runs on one computer
	ReturnFilter  bool    `json:"return_filter"`    // sensors keep noisy bits of earlier weeks
	FilterWeeks   int     `json:"filter_weeks"`     // for so long
	ReturnEpsilon float64 `json:"return_epsilon"`   // their noise; the largest that anything works under
	OddsBound     float64 `json:"odds_bound"`       // e^epsilon, up to the next tenth: what one week's bits, seen once, may change odds by
	ReturnCodes   bool    `json:"return_codes"`     // codes are kept to count exactly who returned
	CodeDays      int     `json:"return_code_days"` // for so many store-days
	CodeKeyDays   int     `json:"return_key_days"`  // and their keys at most for so many
	CodeBits      int     `json:"return_code_bits"` // their length
	ReturnLife    Span    `json:"return_life"`      // the longest life of a return code: lifetime.Returns
	TagDays       int     `json:"return_tag_days"`  // for so many days a sensor keeps which opt-out tag it belongs to
}

// Opening is opening hours in a time zone.
type Opening struct {
	Hours    string `json:"hours"`
	TimeZone string `json:"time_zone"`
}

// The states of a store at the moment of a notice.
const (
	Listening = "listening" // open, and a sensor that should listen is online
	Closed    = "closed"    // no sensor is open now, so nothing is kept
	Silent    = "silent"    // open, and no sensor has been heard from
	NotAsked  = "not_asked" // the sensors were not asked
)

// Why a sensor that fails closed only counts, for people.
const (
	ReasonList  = "list"  // it cannot be sure of the opt-out list
	ReasonClock = "clock" // it cannot be sure of the time
	ReasonKeys  = "keys"  // it cannot keep its keys as it must
	ReasonOther = "other"
)

// Now is how things stand at one moment. It changes all the time and makes no new version.
type Now struct {
	At        time.Time `json:"at"` // to the minute, in the store's time
	State     string    `json:"state"`
	Asked     bool      `json:"asked"`                 // whether the sensors were
	Sensors   int       `json:"sensors"`               // in stores.yaml
	Online    int       `json:"sensors_online"`        // of them
	Known     int       `json:"sensors_known"`         // of them: whose settings are known; of the others the defaults are taken
	CountOnly int       `json:"sensors_counting"`      // of those online: that only count because something fails closed
	Reasons   []string  `json:"reasons,omitempty"`     // why
	OneIn     int64     `json:"over_exclusion_one_in"` // at most about one address in so many is left out without having asked; 0 none, -1 unknown
}

// Digest names the rules: 64 hexadecimal digits that differ where any rule does. An audit log can hold it.
func (r Rules) Digest() string {
	raw, err := json.Marshal(r)
	if err != nil {
		return "" // rules hold nothing that JSON cannot
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// Span is a duration that JSON writes as Go does, such as "35h6m0s".
type Span time.Duration

// MarshalText writes it as time.Duration.String does.
func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// UnmarshalText reads it as time.ParseDuration does.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = Span(d)
	return err
}
