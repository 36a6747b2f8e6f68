package worth

import (
	"errors"
	"io"
)

// AnnotationColumns is the header of a file of annotations.
func AnnotationColumns() [][]string {
	return [][]string{{"store", "kind", "first_day", "last_day", "title"}}
}

// ReadAnnotations reads a file of annotations; an empty store means all stores. One that stands there twice is there once. With an
// error there are none, and the Report says what was wrong with which line.
func ReadAnnotations(from io.Reader, o Reading) ([]Annotation, Report, error) {
	var out []Annotation
	at := map[string]bool{}
	report, err := o.read(from, AnnotationColumns(), func(r record) error {
		a := Annotation{Store: r.of("store"), Kind: Kind(r.of("kind")), Title: r.of("title")}
		if _, err := o.calendarOf(a.Store); err != nil {
			return err
		}
		var first, last error
		a.First, first = ParseDay(r.of("first_day"))
		a.Last, last = ParseDay(r.of("last_day"))
		if err := errors.Join(first, last, a.Check()); err != nil {
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
