// Package worth says what a store's visits were worth. In come files of what the tills rang and of what the operator notes
// (promotions, holidays, closures), and published numbers of visits; out go checked rows of those files, and what a campaign did to
// the visits, with an interval. It computes from published numbers only, holds no connection, and takes no customer's data: a file
// with a column more than are named here is refused.
package worth

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// Transactions are how many sales a store's tills rang in one hour of its clock.
type Transactions struct {
	Store string
	Start time.Time // of the hour, UTC
	Day   calendar.Day
	Hour  int // on the store's clock, 0 to 23
	Count uint32
	// Repeated is true of the hour that the clock showed a second time, where the file does not tell the two apart: its sales are in the
	// first, and it has none. It is a row to write, and none of the file.
	Repeated bool
}

// MostAnHour is how many transactions an hour of a store may have: more is a typing error.
const MostAnHour = 100_000

// Kind is what an annotation is about.
type Kind string

// The kinds.
const (
	Promotion Kind = "promotion" // a campaign, whose effect is computed
	Holiday   Kind = "holiday"
	Closure   Kind = "closure"
	Other     Kind = "other"
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{Promotion, Holiday, Closure, Other} }

// Annotation is something that happened on some store-days. Both ends belong to it.
type Annotation struct {
	Name        string // made from the rest by Named
	Store       string // empty: all stores
	Kind        Kind
	Title       string
	First, Last calendar.Day
}

// Limits of an annotation.
const (
	MaxTitle = 100 // characters
	MaxDays  = 366
)

// nameLetters write a name of an annotation: without i, l, o and 1, which look like others.
var nameLetters = base32.NewEncoding("abcdefghjkmnpqrstuvwxyz023456789").WithPadding(base32.NoPadding)

// Named is the annotation with its name, 8 letters made from what it says: the same annotation has the same name, and one that is
// imported again replaces itself.
func (a Annotation) Named() Annotation {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%s\x00%s", a.Store, a.Kind, a.First, a.Last, a.Title))
	a.Name = nameLetters.EncodeToString(sum[:5])
	return a
}

// Check says everything that is wrong with an annotation, and what to write instead.
func (a Annotation) Check() error {
	var errs []error
	if !slices.Contains(Kinds(), a.Kind) {
		errs = append(errs, fmt.Errorf("the kind %s is not known: write promotion, holiday, closure or other", quoted(string(a.Kind))))
	}
	switch {
	case a.Title == "":
		errs = append(errs, errors.New("there is no title: write a few words for people"))
	case utf8.RuneCountInString(a.Title) > MaxTitle:
		errs = append(errs, fmt.Errorf("the title is longer than %d characters: write a few words", MaxTitle))
	case !utf8.ValidString(a.Title) || strings.ContainsFunc(a.Title, func(r rune) bool { return !unicode.IsPrint(r) }):
		errs = append(errs, errors.New("the title has a character that cannot be printed: write it in UTF-8, on one line"))
	}
	switch {
	case a.Last < a.First:
		errs = append(errs, errors.New("it ends before it begins: swap the first and the last day"))
	case a.Last-a.First >= MaxDays:
		errs = append(errs, fmt.Errorf("it is longer than %d days: write several", MaxDays))
	}
	return errors.Join(errs...)
}

// Covers reports whether the annotation is about a store on a day.
func (a Annotation) Covers(store string, day calendar.Day) bool {
	return (a.Store == "" || a.Store == store) && a.First <= day && day <= a.Last
}

// ParseDay reads a date as it stands in a file or a flag.
func ParseDay(text string) (calendar.Day, error) {
	if text == "" {
		return 0, errors.New("there is no date: write one such as 2026-03-02")
	}
	day, err := calendar.ParseDay(text)
	if err != nil || day.Date().Year() < 2000 || day.Date().Year() > 2100 {
		return 0, fmt.Errorf("%s is not a date between 2000 and 2100: write it as 2026-03-02", quoted(text))
	}
	return day, nil
}

// quoted is a piece of a file in an error: short, and on one line.
func quoted(text string) string {
	if utf8.RuneCountInString(text) > 40 {
		text = string([]rune(text)[:40]) + "..."
	}
	return fmt.Sprintf("%q", text)
}
