// Package audit is an append-only log of what was done with keys, opt-outs, policies and data: facts come in, one line of JSON
// each goes into a file, and every line holds the hash of the one before, so that a changed, removed, inserted or moved line is
// found by whoever reads the file (Verify). Lines cut off at the end are found against a hash that was noted earlier: note the
// head somewhere else. One process writes one file. It grows by kilobytes a day and is not rotated.
//
// It may not know an address, an SSID, an id or a receipt: kinds and names of facts are closed lists, and a fact is a number, a
// length of time, an instant, a day, a hash of a public text, or a name or label whose form none of those has.
package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Kind says what happened.
type Kind string

// The kinds of entries. Their facts beside Store, where it is about one store, stand behind them.
const (
	Started          Kind = "started"           // Software
	Damaged          Kind = "damaged"           // the last line was cut off by a crash and is gone: CutBytes
	KeysMade         Kind = "keys_made"         // Day
	BundlesIssued    Kind = "bundles_issued"    // Sensor, Day
	KeysRotated      Kind = "keys_rotated"      // Day
	KeysTurned       Kind = "keys_turned"       // Stores: of how many
	KeysRetired      Kind = "keys_retired"      //
	OptOuts          Kind = "optouts"           // of a day: Day, Registered, Undone, LookedUp, HeldBack, Released, Dropped, Records, Tags
	PolicyChanged    Kind = "policy_changed"    // Policy
	NoticeChanged    Kind = "notice_changed"    // Version, Rules
	RetentionProof   Kind = "retention_proof"   // Places, Breaches, Unproven; of one place: Where, Place, OldestAge, Limit, Verdict, Reason
	Erasures         Kind = "erasures"          // Day, Forgets: how many were applied, never whether one matched
	Export           Kind = "export"            // Day, Role, Place, Rows: of a day
	Views            Kind = "views"             // Day, Role, Count
	IncidentSnapshot Kind = "incident_snapshot" // Places, Stores
	QuarantineReview Kind = "quarantine_review" // Released, Dropped, HeldBack
	// What was brought by hand or by a program: Rows, Token where whoever brought it had one, and the store where it is about one; of many
	// stores at once Stores: of how many.
	TransactionsImported Kind = "transactions_imported"
	AnnotationsNoted     Kind = "annotations_noted"
	AnnotationRemoved    Kind = "annotation_removed"
)

// Kinds lists every kind.
func Kinds() []Kind {
	return []Kind{
		Started, Damaged, KeysMade, BundlesIssued, KeysRotated, KeysTurned, KeysRetired, OptOuts, PolicyChanged, NoticeChanged,
		RetentionProof, Erasures, Export, Views, IncidentSnapshot, QuarantineReview,
		TransactionsImported, AnnotationsNoted, AnnotationRemoved,
	}
}

// Entry is one line of a log.
type Entry struct {
	Seq   uint64         // from 1
	At    time.Time      // UTC, whole seconds
	Actor string         // the program that wrote it, such as aggregate or keys
	Kind  Kind           //
	Facts map[string]any // by name; an int64 or a string each
	Prev  string         // the hash of the entry before; 64 zeros in the first
	Hash  string         // SHA-256 of the line without its hash, in hexadecimal digits
}

// noHash is the Prev of a log's first entry.
var noHash = strings.Repeat("0", 2*sha256.Size)

// MaxLine is the longest line, in bytes.
const MaxLine = 4096

// body is a line without its hash. The order of its fields is the order in the file.
type body struct {
	Seq   uint64         `json:"seq"`
	At    string         `json:"at"`
	Actor string         `json:"actor"`
	Kind  Kind           `json:"kind"`
	Facts map[string]any `json:"facts"`
	Prev  string         `json:"prev"`
}

const hashMember = `,"hash":"`

// encode gives the entry's line with its newline, and its hash: SHA-256 over the bytes of the line as it would be without the
// member hash. JSON writes facts in the order of their names, so an entry has one form.
func (e *Entry) encode() (line []byte, hash string, err error) {
	facts := e.Facts
	if facts == nil {
		facts = map[string]any{}
	}
	text, err := json.Marshal(body{e.Seq, e.At.UTC().Format(time.RFC3339), e.Actor, e.Kind, facts, e.Prev})
	if err != nil {
		return nil, "", fmt.Errorf("encode an entry of the audit log: %w", err)
	}
	sum := sha256.Sum256(text)
	hash = hex.EncodeToString(sum[:])
	line = append(text[:len(text)-1], hashMember+hash+"\"}\n"...)
	if len(line) > MaxLine {
		return nil, "", fmt.Errorf("an entry of the audit log has %d bytes: write several of at most %d", len(line), MaxLine)
	}
	return line, hash, nil
}
