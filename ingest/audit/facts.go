package audit

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// Fact is one thing that an entry says. The types of names make them: Registered.Is(3), Store.Is("demo").
type Fact struct {
	name  string
	value any // int64 or string
	err   error
}

// Number names a count. MaxNumber bounds it.
type Number string

// MaxNumber is the largest count: an address or an id as a number is larger, nearly always.
const MaxNumber = 1_000_000_000

// The counts.
const (
	Bundles    Number = "bundles"
	Stores     Number = "stores"
	CutBytes   Number = "cut_bytes"
	Registered Number = "registered"
	Undone     Number = "undone"
	LookedUp   Number = "looked_up"
	HeldBack   Number = "held"
	Released   Number = "released"
	Dropped    Number = "dropped"
	Records    Number = "records"
	Tags       Number = "tags"
	Forgets    Number = "forgets"
	Places     Number = "places"
	Breaches   Number = "breaches"
	Unproven   Number = "unproven"
	Rows       Number = "rows"
	Count      Number = "count"
)

// Is gives the fact.
func (n Number) Is(count int64) Fact {
	f := Fact{name: string(n), value: count}
	if count < 0 || count > MaxNumber {
		f.err = fmt.Errorf("%s: it is no count of 0 to %d", n, MaxNumber)
	}
	return f
}

// Span names a length of time; it is written in seconds.
type Span string

// The lengths of time.
const (
	OldestAge Span = "oldest_age_s"
	Limit     Span = "limit_s"
)

// MaxSpan is the longest length of time.
const MaxSpan = 10 * 366 * 24 * time.Hour

// Is gives the fact, in whole seconds.
func (s Span) Is(d time.Duration) Fact {
	f := Fact{name: string(s), value: int64(d / time.Second)}
	if d < 0 || d > MaxSpan {
		f.err = fmt.Errorf("%s: it is no length of time of up to ten years", s)
	}
	return f
}

// Date names a store-day.
type Date string

// Day is the day that an entry is about.
const Day Date = "day"

// Is gives the fact.
func (d Date) Is(day calendar.Day) Fact {
	f := Fact{name: string(d), value: day.String()}
	if y := day.Date().Year(); y < 2020 || y > 2120 {
		f.err = fmt.Errorf("%s: it is no day of 2020 to 2120", d)
	}
	return f
}

// Sum names the SHA-256 of a public text.
type Sum string

// The hashes.
const (
	Rules Sum = "rules_sha256" // of the rules that a notice states, as its history keeps them; not of its text
)

// Is gives the fact.
func (s Sum) Is(sum [32]byte) Fact { return Fact{name: string(s), value: hex.EncodeToString(sum[:])} }

// Name names a name: of a store, a sensor, a topic, a table, a version.
type Name string

// The names.
const (
	Store   Name = "store"
	Sensor  Name = "sensor"
	Place   Name = "place"   // a topic or table
	Version Name = "version" // of a notice
)

var (
	namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._+-]{0,62}$`)
	// likeDevice are the forms of an address, an id or a receipt: twelve hexadecimal digits in a row, or in groups of two or four.
	likeDevice = regexp.MustCompile(`[0-9a-f]{12}|[0-9a-f]{2}(?:[._-][0-9a-f]{2}){5}|[0-9a-f]{4}(?:[._-][0-9a-f]{4}){2}`)
)

// Is gives the fact. A name that looks like an address, an id or a receipt is refused.
func (n Name) Is(name string) Fact {
	f := Fact{name: string(n), value: name}
	if !goodName(name) {
		f.err = fmt.Errorf("%s: use 1 to 63 of a-z, 0-9 and ._+- that do not look like an address", n)
	}
	return f
}

func goodName(s string) bool { return namePattern.MatchString(s) && !likeDevice.MatchString(s) }

// Label names what an operator called something, in words.
type Label string

// Token is who brought something: the name of a token as footfall token list has it, an operator's word for a program or a role.
const Token Label = "token"

const (
	longestLabel = 80 // characters
	unnamed      = "unnamed"
)

// Is gives the fact. A text that cannot be printed on a line, is empty or longer than 80 characters, or holds the digits of an address, an
// id or a receipt however they are divided, is written as unnamed: what it is about has happened, and is noted.
func (l Label) Is(text string) Fact {
	digits := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
	if strings.TrimSpace(text) == "" || !utf8.ValidString(text) || utf8.RuneCountInString(text) > longestLabel ||
		strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || likeDevice.MatchString(digits) {
		text = unnamed
	}
	return Fact{name: string(l), value: text}
}

// Release names a version of a program.
type Release string

// Software is the version of the program that writes the log.
const Software Release = "software"

var releasePattern = regexp.MustCompile(`^v?[0-9]{1,4}(?:\.[0-9]{1,4}){0,2}$`)

// Is gives the fact. A version that is no release, such as one with a commit's digits, is written as unreleased.
func (r Release) Is(version string) Fact {
	if !releasePattern.MatchString(version) {
		version = "unreleased"
	}
	return Fact{name: string(r), value: version}
}

// Choice names a word from a closed list.
type Choice string

// The choices.
const (
	Role    Choice = "role"
	Verdict Choice = "verdict"
	Reason  Choice = "reason"
	Policy  Choice = "policy"
	Where   Choice = "where"
)

// words are the closed list of a choice.
func (c Choice) words() []string {
	switch c {
	case Role:
		return []string{"public", "staff", "operator", "manager", "office"}
	case Verdict:
		return []string{"ok", "breach", "unknown"}
	case Reason:
		return []string{
			"too_old", "undeclared", "unreadable", "wrong_kind", "not_a_tag", "exact_time", "not_empty", "unknown_store", "not_reported", "silent",
			"past_id_age", "absent", "detached",
		}
	case Policy:
		return []string{"count-only", "standard", "extended"}
	case Where:
		return []string{"topic", "table", "parts", "spool"}
	}
	return nil
}

// Is gives the fact.
func (c Choice) Is(word string) Fact {
	f := Fact{name: string(c), value: word}
	if !slices.Contains(c.words(), word) {
		f.err = fmt.Errorf("%s: use one of %s", c, strings.Join(c.words(), ", "))
	}
	return f
}
