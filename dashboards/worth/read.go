package worth

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// Reading is what a file is read against.
type Reading struct {
	// Calendar is that of a store that may be written to, of the name "" all stores. An error that wraps ErrUnknownStore is one of the
	// line; any other ends the reading.
	Calendar func(store string) (calendar.Calendar, error)
	Now      time.Time
	SkipBad  bool // keep the good lines of a file that has bad ones; without a good one it is an error, too
}

// ErrUnknownStore says that no store has the name.
var ErrUnknownStore = errors.New("no store has this name: write it as in stores.yaml")

// ErrBadLines says that nothing is taken from a file because some of its lines are wrong; the Report has them.
var ErrBadLines = errors.New("nothing is imported, because some lines are wrong: mend them, or skip them")

// FileError is what is wrong with a file as a whole.
type FileError struct{ text string }

// Error is a sentence that ends with what to do.
func (e *FileError) Error() string { return e.text }

// Problem is what is wrong with a line. Line 1 is the header.
type Problem struct {
	Line int    `json:"line"`
	Text string `json:"text"`
}

// MaxProblems is how many bad lines a Report tells of; the rest are counted.
const MaxProblems = 100

// Report is what was found in a file.
type Report struct {
	Lines    int       `json:"lines"` // without the header
	Good     int       `json:"good"`
	Bad      int       `json:"bad"`
	Problems []Problem `json:"problems,omitempty"` // the first MaxProblems
	Notes    []string  `json:"notes,omitempty"`    // what to know of good lines
}

func (r *Report) bad(line int, err error) {
	r.Bad++
	if len(r.Problems) < MaxProblems {
		r.Problems = append(r.Problems, Problem{line, strings.ReplaceAll(err.Error(), "\n", "; ")})
	}
}

// lineError is wrong with one line; the others may be good.
type lineError struct{ error }

func wrongLine(format string, args ...any) error { return lineError{fmt.Errorf(format, args...)} }

// record is one line of a file, by the names of the columns.
type record struct {
	line   int
	column map[string]int
	cells  []string
}

func (r record) of(name string) string { return strings.TrimSpace(r.cells[r.column[name]]) }

// read hands the lines of a file to take. The error of take is the line's where it is a lineError, and ends the reading otherwise. The
// header must have exactly the columns of one of the layouts, in any order: what is not expected might be a customer's.
func (o Reading) read(from io.Reader, layouts [][]string, take func(record) error) (Report, error) {
	in := bufio.NewReader(from)
	if start, err := in.Peek(3); err == nil && bytes.Equal(start, []byte("\xef\xbb\xbf")) { // as spreadsheets write UTF-8
		_, _ = in.Discard(3)
	}
	c := csv.NewReader(in)
	c.ReuseRecord = true
	if start, _ := in.Peek(in.Size()); semicolons(start) {
		c.Comma = ';'
	}
	header, err := c.Read()
	if err != nil {
		return Report{}, o.ended(err, layouts)
	}
	r := record{column: map[string]int{}}
	for i, name := range header {
		r.column[strings.ToLower(strings.TrimSpace(name))] = i
	}
	if err := checkHeader(r.column, len(header), layouts); err != nil {
		return Report{}, err
	}
	var report Report
	for {
		r.cells, err = c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var parse *csv.ParseError
		switch {
		case errors.As(err, &parse):
			report.Lines++
			report.bad(parse.StartLine, badCSV(parse))
			continue
		case err != nil:
			return report, o.ended(err, layouts)
		}
		report.Lines++
		r.line, _ = c.FieldPos(0)
		var wrong lineError
		switch err := take(r); {
		case errors.As(err, &wrong):
			report.bad(r.line, wrong.error)
		case err != nil:
			return report, err
		default:
			report.Good++
		}
	}
	switch {
	case report.Lines == 0:
		return report, &FileError{"the file has no line below its header: write one a line"}
	case report.Bad > 0 && (!o.SkipBad || report.Good == 0):
		return report, ErrBadLines
	}
	return report, nil
}

// semicolons reports whether the first line is divided by them, as spreadsheets do where the comma stands in numbers.
func semicolons(start []byte) bool {
	line, _, _ := bytes.Cut(start, []byte("\n"))
	return bytes.Contains(line, []byte(";")) && !bytes.Contains(line, []byte(","))
}

func badCSV(e *csv.ParseError) error {
	if errors.Is(e.Err, csv.ErrFieldCount) {
		return errors.New("it has not as many cells as the header: write one for each column")
	}
	return errors.New("its quotation marks are not closed or stand within a cell: double those within a cell")
}

// ended is why the file could not be read on.
func (o Reading) ended(err error, layouts [][]string) error {
	var parse *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return &FileError{"the file is empty: its first line names the columns, " + written(layouts)}
	case errors.As(err, &parse):
		return &FileError{"the first line is not CSV: it names the columns, " + written(layouts)}
	}
	return fmt.Errorf("read the file: %w", err)
}

func written(layouts [][]string) string {
	var out []string
	for _, l := range layouts {
		out = append(out, strings.Join(l, ","))
	}
	return strings.Join(out, " or ")
}

// checkHeader refuses columns that are missing, twice there or not expected.
func checkHeader(have map[string]int, n int, layouts [][]string) error {
	if len(have) < n {
		return &FileError{"a column is named twice: the first line is " + written(layouts)}
	}
	expected := slices.Concat(layouts...)
	for _, l := range layouts {
		here := 0
		for _, name := range l {
			if _, ok := have[name]; ok {
				here++
			}
		}
		if here == len(l) {
			if n == here {
				return nil
			}
			expected = l
		}
	}
	for name := range have {
		if !slices.Contains(expected, name) {
			return &FileError{fmt.Sprintf("the column %s is not expected: remove it, because no customer data is kept here; the first line is %s", quoted(name), written(layouts))}
		}
	}
	return &FileError{"a column is missing: the first line names the columns, " + written(layouts)}
}

// calendarOf is the calendar of a line's store.
func (o Reading) calendarOf(store string) (calendar.Calendar, error) {
	c, err := o.Calendar(store)
	if errors.Is(err, ErrUnknownStore) {
		return c, wrongLine("the store %s: %w", quoted(store), err)
	}
	return c, err
}
