package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"
)

// Summary is what a verified log says of itself.
type Summary struct {
	Entries     int
	First, Last time.Time // of the first and the last entry; zero where there is none
	Head        string    // the hash of the last entry, 64 zeros of an empty log: whoever notes it can find a cut-off end later
}

func (s *Summary) add(e *Entry) {
	if s.Entries == 0 {
		s.First = e.At
	}
	s.Entries, s.Last, s.Head = s.Entries+1, e.At, e.Hash
}

// BrokenError says where a chain breaks, and how. It repeats nothing of the line.
type BrokenError struct {
	Line   int // from 1
	Detail string
}

// Error is the line and what is wrong there.
func (e *BrokenError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Detail) }

// Verify reads a log and checks that every line is whole, as it was written, and follows the one before. The error is a
// *BrokenError, with what was good before it in the summary, or the reader's.
func Verify(r io.Reader) (Summary, error) {
	return Read(r, func(Entry) error { return nil })
}

// Read is Verify that calls each with every entry, in order. An error of each ends it and is returned.
func Read(r io.Reader, each func(Entry) error) (Summary, error) {
	s := Summary{Head: noHash}
	in := bufio.NewReaderSize(r, MaxLine)
	for line := 1; ; line++ {
		text, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(text) == 0:
			return s, nil
		case errors.Is(err, io.EOF):
			return s, &BrokenError{line, "it is cut off"}
		case errors.Is(err, bufio.ErrBufferFull):
			return s, &BrokenError{line, fmt.Sprintf("it is longer than %d bytes", MaxLine)}
		case err != nil:
			return s, fmt.Errorf("read the audit log: %w", err)
		}
		e, detail := decode(text)
		switch {
		case detail != "":
		case e.Seq != uint64(line):
			detail = "lines are missing before it, or were added or moved"
		case e.Prev != s.Head:
			detail = "it does not follow the line before"
		}
		if detail != "" {
			return s, &BrokenError{line, detail}
		}
		s.add(&e)
		if err := each(e); err != nil {
			return s, err
		}
	}
}

var hashPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// decode reads a line with its newline, or says what is wrong with it.
func decode(line []byte) (e Entry, detail string) {
	const changed = "it was changed: its hash is of another text"
	tail := len(line) - len(hashMember) - 2*sha256.Size - len("\"}\n")
	if tail < 1 || !bytes.HasPrefix(line[tail:], []byte(hashMember)) || !bytes.HasSuffix(line, []byte("\"}\n")) {
		return e, "it is no line of an audit log"
	}
	e.Hash = string(line[tail+len(hashMember) : len(line)-len("\"}\n")])
	sum := sha256.Sum256(append(bytes.Clone(line[:tail]), '}'))
	if !hashPattern.MatchString(e.Hash) || hex.EncodeToString(sum[:]) != e.Hash {
		return e, changed
	}
	dec := json.NewDecoder(io.MultiReader(bytes.NewReader(line[:tail]), bytes.NewReader([]byte{'}'})))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	var b body
	if err := dec.Decode(&b); err != nil {
		return e, "it is no entry of an audit log"
	}
	at, err := time.Parse(time.RFC3339, b.At)
	if err != nil || !hashPattern.MatchString(b.Prev) {
		return e, "its time or its link is not one"
	}
	for name, v := range b.Facts {
		switch v := v.(type) {
		case string:
		case json.Number:
			n, err := v.Int64()
			if err != nil {
				return e, "a fact is neither a whole number nor a text"
			}
			b.Facts[name] = n
		default:
			return e, "a fact is neither a whole number nor a text"
		}
	}
	hash := e.Hash
	e = Entry{Seq: b.Seq, At: at.UTC(), Actor: b.Actor, Kind: b.Kind, Facts: b.Facts, Prev: b.Prev, Hash: hash}
	// One entry has one form: what the decoder overlooks (a name twice, white space) shows here.
	if again, _, err := e.encode(); err != nil || !bytes.Equal(again, line) {
		return e, "it is not in the form in which entries are written"
	}
	return e, ""
}
