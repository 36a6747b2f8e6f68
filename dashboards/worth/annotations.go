package worth

import (
	"errors"
	"fmt"
	"io"
)

// readDays reads both ends. Without a last day it is of the first only; with an error, too, so that nothing is said of a length that is
// not known.
func (a *Annotation) readDays(first, last string) error {
	var errs [2]error
	if a.First, errs[0] = ParseDay(first); errs[0] != nil {
		errs[0] = fmt.Errorf("first_day: %w", errs[0])
	}
	if a.Last = a.First; last == "" {
		return errs[0]
	}
	end, err := ParseDay(last)
	if err != nil {
		errs[1] = fmt.Errorf("last_day: %w", err)
	} else if errs[0] == nil {
		a.Last = end
	}
	return errors.Join(errs[:]...)
}

// AnnotationColumns is the header of a file of annotations.
func AnnotationColumns() [][]string {
	return [][]string{{"store", "kind", "first_day", "last_day", "title"}}
}

// ReadAnnotations reads a file of annotations; an empty store means all stores, an empty last day the first. One that stands there twice is there once. With an
// error there are none, and the Report says what was wrong with which line.
func ReadAnnotations(from io.Reader, o Reading) ([]Annotation, Report, error) {
	var out []Annotation
	at := map[string]bool{}
	report, err := o.read(from, AnnotationColumns(), func(r record) error {
		a := Annotation{Store: r.of("store"), Kind: Kind(r.of("kind")), Title: r.of("title")}
		if _, err := o.calendarOf(a.Store); err != nil {
			return err
		}
		dates := a.readDays(r.of("first_day"), r.of("last_day"))
		if err := errors.Join(dates, a.Check()); err != nil {
			return lineError{err}
		}
		if a = a.Named(); !at[a.Name] {
			at[a.Name] = true
			out = append(out, a)
		}
		return nil
	})
	if err != nil {
		return nil, report, err
	}
	return out, report, nil
}
