package live

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/status"
)

const (
	// listFile is the opt-out list in the state folder, for starts without Kafka.
	listFile = "optouts"
	// listConfirms is how often only the time of the list's last confirmation is written.
	listConfirms = time.Hour
	// A list is written anew when it changes. Flash wears out, so there is a pause after each time, longer for a large one: a
	// record has eight bytes, so this is about a MiB a minute at most. A power cut can lose what joined meanwhile, which matters
	// only if there is no Kafka afterwards.
	listPause          = 5 * time.Second
	listPauseForRecord = 500 * time.Microsecond
	// listAhead is how far ahead of the clock a confirmation may be: clocks are set back a little. Further, one of the two clocks
	// was wrong, and nobody knows how old the list is.
	listAhead = 2 * time.Minute
)

func (s *sensor) listPath() string { return filepath.Join(s.cfg.State, listFile) }

// loadList has the sensor work under the list of the start before until Kafka's is read. Without one it waits for that.
func (s *sensor) loadList() {
	err := s.list.Load(s.listPath())
	switch {
	case err == nil:
		s.listSaved = s.list.ConfirmedAt()
		s.o.Log.Info("the opt-out list of the start before holds until Kafka's is read", "records", s.list.Len(), "confirmed", s.listSaved)
	case !errors.Is(err, fs.ErrNotExist):
		s.o.Log.Warn("the opt-out list on disk cannot be used; ids leave once Kafka's is read", "error", err)
	}
}

// listed notes that the list changed, or was read for the first time.
func (s *sensor) listed(registry.Update) {
	select {
	case s.listNews <- struct{}{}:
	default:
	}
}

// keepList saves the list until the sensor ends, and then once more.
func (s *sensor) keepList() error {
	hourly := time.NewTicker(listConfirms)
	defer hourly.Stop()
	failed := false
	for {
		stopped := false
		select {
		case <-s.side.Done():
			stopped = true
		case <-s.listNews:
		case <-hourly.C:
		}
		saved, err := s.saveList()
		if err != nil && !failed {
			s.o.Log.Warn("the opt-out list cannot be saved, so a start without Kafka only counts; check the state folder and its disk", "error", err)
		}
		failed = err != nil
		if stopped {
			return nil
		}
		if !saved {
			s.listed(registry.Update{}) // again after the pause
		}
		select {
		case <-s.side.Done():
		case <-time.After(listPause + time.Duration(s.list.Len())*listPauseForRecord):
		}
	}
}

// saveList writes the list if it was confirmed since it was saved, by a clock that is to be trusted: the next start judges its
// age by that.
func (s *sensor) saveList() (saved bool, err error) {
	confirmed := s.list.ConfirmedAt()
	if confirmed.Equal(s.listSaved) {
		return true, nil
	}
	if !s.trusted.Load() {
		return false, nil
	}
	if err := s.list.Save(s.listPath()); err != nil {
		return false, err
	}
	s.listSaved = confirmed
	return true, nil
}

// listAt is how old the list is, if that is known.
func (s *sensor) listAt(now time.Time) (age time.Duration, known bool) {
	confirmed := s.list.ConfirmedAt()
	if confirmed.IsZero() || confirmed.Sub(now) > listAhead {
		return 0, false
	}
	return max(0, now.Sub(confirmed)), true
}

// failClosed is why ids may not leave now. A list that is not read yet is no trouble in the first seconds of a start, but no id
// leaves without it.
func (s *sensor) failClosed(now time.Time) []string {
	age, known := s.listAt(now)
	s.board.Set(status.ListUnread, !known && now.Sub(s.began) > listGrace)
	s.board.Set(status.ListStale, known && age > agent.OptOutMaxAge)
	_, closed := s.board.Now()
	if len(closed) == 0 && !known {
		return []string{string(status.ListUnread)}
	}
	return closed
}

// never is the age of a list that is not known, as the wire says it.
const never = -time.Second

func (s *sensor) listAge() time.Duration {
	if age, known := s.listAt(time.Now()); known {
		return age
	}
	return never
}
