// Package retention proves by query how old the oldest thing is in every place that keeps something of devices: the topics, the
// tables and the sensors' spools. A ClickHouse, a Kafka and what the sensors said of themselves come in; places with a verdict
// each go out, into pub_retention, the metrics and the audit log. The limits follow from the stores' settings (ingest/lifetime).
// It reads ids' times and the shape of records, and gives away neither an id nor a tag.
package retention

import (
	"cmp"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/stores"
)

// Kind says what kind of place it is.
type Kind string

// The kinds of places.
const (
	Topic Kind = "topic"
	Table Kind = "table"
	Parts Kind = "parts" // files of a table that are out of use and still on the disk
	Spool Kind = "spool" // what a sensor holds because it is not sent yet
)

// Verdict says whether a place keeps what was promised.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Breach  Verdict = "breach"
	Unknown Verdict = "unknown" // it could not be proven
)

// Reason says why a verdict is not OK, or what is special about the place. It is from a closed list.
type Reason string

// The reasons.
const (
	TooOld       Reason = "too_old"
	UnknownStore Reason = "unknown_store" // too old, of a store that is not in stores.yaml: nobody seals it
	Undeclared   Reason = "undeclared"    // a table that the proof does not know; a breach where a column may hold ids
	WrongKind    Reason = "wrong_kind"    // messages that do not belong into the topic
	NotATag      Reason = "not_a_tag"     // a record of the opt-outs that is no tag with its day
	ExactTime    Reason = "exact_time"    // a record of the opt-outs whose time is not cut to the day
	NotEmpty     Reason = "not_empty"     // a message where only empty ones belong
	Detached     Reason = "detached"      // parts that ClickHouse put aside and will not delete
	Unreadable   Reason = "unreadable"    // this user may not read it
	NotReported  Reason = "not_reported"  // the sensor said nothing yet
	Silent       Reason = "silent"        // the sensor said nothing for a while
	PastIDAge    Reason = "past_id_age"   // a spool holds something older than ids may be there; counts may be
	Absent       Reason = "absent"        // there is no such place
)

// Reasons lists every reason.
func Reasons() []Reason {
	return []Reason{
		TooOld, UnknownStore, Undeclared, WrongKind, NotATag, ExactTime, NotEmpty, Detached, Unreadable, NotReported, Silent, PastIDAge, Absent,
	}
}

// Place is one place, and how old the oldest thing in it is.
type Place struct {
	Kind    Kind
	Name    string // of the topic, table or sensor
	Store   string // whose it is; empty where all stores share it
	Oldest  time.Time
	Newest  time.Time // both zero where there is nothing, or nothing is known
	Age     time.Duration
	Limit   time.Duration // how old the oldest may be; 0 where things stay
	Verdict Verdict
	Reason  Reason
	Count   int64 // messages, rows or parts; rows in every version, messages by offsets, so both may be too many
	Bytes   int64 // on the disk; 0 where it is not known
}

// OK says whether the place is proven to keep its limit.
func (p Place) OK() bool { return p.Verdict == OK }

// Advice says what to do about a place that is not OK.
func (p Place) Advice() string {
	switch p.Reason {
	case TooOld:
		if p.Kind == Topic {
			return "check that footfall aggregate runs and seals (footfall_aggregate_sealed_days_total), and the topic's retention"
		}
		if p.Kind == Parts {
			return "look at system.parts and system.processes for what holds the parts"
		}
		return "check that footfall aggregate runs: it deletes what is sealed"
	case UnknownStore:
		return "put the store back into stores.yaml until its days are sealed, or delete its rows"
	case Undeclared:
		return "drop the table, or keep it in another database"
	case WrongKind, NotEmpty:
		return "find the program that writes there, and delete the messages"
	case NotATag, ExactTime:
		return "find the program that writes there: only the opt-out service may; delete the record with a tombstone"
	case Detached:
		return "look at system.detached_parts, and drop the parts with ALTER TABLE ... DROP DETACHED PART"
	case Unreadable:
		return "give this program's user the right to read it"
	case NotReported:
		return "start the sensor, or take it out of stores.yaml; one that reads captures never reports: look into its spool folder instead"
	case Silent:
		return "bring the sensor's connection back, or take it out of stores.yaml"
	case PastIDAge:
		return "counts may wait that long and ids may not, and the sensor tells them together: bring its connection to Kafka back"
	case Absent:
	}
	return ""
}

// judge sets the age, and the verdict by the limit where it is no breach already. The reason that the place has is that of being
// too old.
func (p *Place) judge(now time.Time) {
	if !p.Oldest.IsZero() {
		p.Age = max(0, now.Sub(p.Oldest))
	}
	switch {
	case p.Verdict == Breach:
	case p.Limit > 0 && p.Age > p.Limit:
		p.Verdict, p.Reason = Breach, cmp.Or(p.Reason, TooOld)
	default:
		p.Verdict, p.Reason = OK, ""
	}
}

// fault marks the place as a breach for a reason other than its age.
func (p *Place) fault(r Reason) { p.Verdict, p.Reason = Breach, r }

// SensorSpool is what a sensor said of its spool.
type SensorSpool struct {
	Store, Sensor string
	Known         bool          // it said something at all
	Made          time.Time     // when it said so
	Oldest        time.Time     // of what it holds, by capture time; zero: nothing
	IDAge         time.Duration // spool_id_age; 0: DefaultIDAge
}

// DefaultIDAge is how long a sensor holds ids where it did not say otherwise (spool_id_age, DESIGN section 6).
const DefaultIDAge = 6 * time.Hour

// Input is what there is to prove.
type Input struct {
	DB      *store.DB     // nil: no tables
	Kafka   broker.Config // no Brokers: no topics
	Stores  []stores.Store
	Sensors []SensorSpool
	Now     time.Time
}
