package agent

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
	"github.com/openfootfall/footfall/sensor/keys"
)

// joinWithin is how soon after the end of one file the next must begin to be the same capture: a stay survives that pause.
const joinWithin = SessionTimeout

// Replay sends captures through the steps with throw-away keys, always open, with no opt-out list and no memory of earlier
// weeks: what footfall try does. Nothing is kept.
type Replay struct {
	Store, Sensor, Zone string
	Calendar            calendar.Calendar
	RSSIInside          int8
	// Exclude lists addresses to leave out, one a line; nil for none.
	Exclude io.Reader
	// Class replaces the keyed class, to compare with a reference implementation.
	Class func(elements []byte) uint16
	// Random draws the throw-away keys; nil = crypto/rand. Tests give a seeded one, so that classes collide alike each time.
	Random io.Reader
	// Begin is called before each capture: files that follow one another within a quarter of an hour are one.
	Begin func() Sink
	// End is called after each capture.
	End      func(Counts) error
	Progress Progress
}

// Run replays the files in their order. A file that cannot be read does not keep the others from being counted, and a capture
// that is cut short counts as far as it goes; the error joins what was wrong, file by file.
func (r *Replay) Run(ctx context.Context, files []string) error {
	excluded, err := parseExclude(r.Exclude)
	if err != nil {
		return err
	}
	s := &replaying{Replay: r, excluded: excluded}
	for _, f := range files {
		err := s.file(ctx, f)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var opening *openError
		switch {
		case errors.As(err, &opening):
			s.errs = append(s.errs, opening.error) // it names the file already
		case err != nil:
			s.errs = append(s.errs, fmt.Errorf("%s: %w", f, err))
		}
	}
	s.end()
	return errors.Join(s.errs...)
}

// openError is an error of a file that could not even be opened as a capture.
type openError struct{ error }

type replaying struct {
	*Replay
	excluded map[hwaddr.Addr]struct{}
	p        *Pipeline
	name     string // of the capture's first file
	errs     []error
}

func (s *replaying) file(ctx context.Context, path string) error {
	in, err := capture.Open(path)
	if err != nil {
		return &openError{err}
	}
	defer func() { _ = in.Close() }()
	first, err := in.Next()
	if errors.Is(err, io.EOF) {
		return errors.New("the capture has a header and no frames: record for longer, or check that the interface was in monitor mode")
	}
	if err != nil {
		return err
	}
	if s.p != nil && !s.follows(first.Time) {
		s.end()
	}
	if s.p == nil {
		if err := s.begin(first.Time); err != nil {
			return err
		}
		s.name = path
	}
	if err := s.p.Frame(first); err != nil {
		return err
	}
	return s.p.read(ctx, in, func(read int64) {
		if s.Progress != nil {
			s.Progress(read, in.Size())
		}
	})
}

func (s *replaying) follows(t int64) bool {
	gap := t - s.p.now
	return gap >= -int64(lateMax) && gap <= int64(joinWithin)
}

func (s *replaying) begin(t int64) error {
	day := s.Calendar.DayOf(time.Unix(0, t))
	if t < minTime || t > maxTime {
		day = firstDay // the first frame is dropped; those that follow turn the day forward to theirs
	}
	random := s.Random
	if random == nil {
		random = rand.Reader
	}
	state, err := keys.Throwaway(day, random)
	if err != nil {
		return fmt.Errorf("draw throw-away keys: %w", err)
	}
	set := Settings{
		Store: s.Store, Sensor: s.Sensor, Zone: s.Zone, Boot: 1, Calendar: s.Calendar, Policy: wire.Policy_POLICY_STANDARD,
		RSSIInside: s.RSSIInside, RSSIFloor: DefaultRSSIFloor, NoRSSIInside: true, OneClassKey: true, AnyAge: true,
	}
	var p *Pipeline
	p = NewPipeline(set, day, Deps{
		Hasher: state.Hasher(), Sink: s.Begin(), excluded: s.excluded, Class: s.Class,
		NewDay: func(next calendar.Day) error {
			if err := state.Advance(next); err != nil {
				return err
			}
			p.SetHasher(state.Hasher())
			return nil
		},
	})
	s.p = p
	return nil
}

// end reports the capture that was read, and notes what is wrong with it under its name.
func (s *replaying) end() {
	if s.p == nil {
		return
	}
	err := s.p.Finish()
	counts := s.p.Counts()
	s.p = nil
	if err == nil {
		err = s.End(counts)
	}
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("%s: %w", s.name, err))
	}
}

// parseExclude reads addresses, one a line; empty lines and those that begin with # are passed over. The error names the
// line by its number only.
func parseExclude(r io.Reader) (map[hwaddr.Addr]struct{}, error) {
	if r == nil {
		return nil, nil
	}
	out := map[hwaddr.Addr]struct{}{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		a, err := hwaddr.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("line %d of the addresses to exclude: %w", n, err)
		}
		out[a] = struct{}{}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the addresses to exclude: %w", err)
	}
	return out, nil
}
