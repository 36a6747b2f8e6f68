package optout

import (
	"errors"
	"net/http"
	"time"

	"github.com/openfootfall/footfall/sensor/optout/notice"
)

// Notices are the stores' privacy notices, made from what really runs.
type Notices interface {
	Stores() []Store
	Notice(store, lang string) (Notice, error) // ErrNoStore where there is no such store
}

// ErrNoStore says that there is no store of that name.
var ErrNoStore = errors.New("there is no such store: look at stores.yaml")

// Store is what the pages say of a store beside its notice.
type Store struct {
	ID, Name string
	CodesFor time.Duration // the longest time that a code made of an address is kept anywhere; 0: none leaves the sensors
	BitWeeks int           // for how many weeks sensors keep the noisy bits of a return filter; 0: none does
	Unread   error         // why the two above are not known, such as that the sensors were not asked yet; nil: they are
}

// Notice is a store's privacy notice in one language, and what changed in it.
type Notice struct {
	notice.Document
	Version int
	Since   time.Time       // this version's date
	Changes []notice.Change // the newest first
}

func (s *Service) notice(q *ask) answer {
	store, ok := s.store(q)
	if !ok {
		return problem(http.StatusNotFound, notFound)
	}
	n, err := s.o.Notices.Notice(store.ID, q.words.lang)
	switch {
	case errors.Is(err, ErrNoStore):
		return problem(http.StatusNotFound, notFound)
	case err != nil:
		s.o.Logger.Error("a notice could not be made", "store", store.ID, "error", err)
		return nothingDone()
	}
	return answer{status: http.StatusOK, view: "notice", title: n.Title, result: done, data: struct {
		Notice
		Store Store
	}{n, store}}
}

func (s *Service) store(q *ask) (Store, bool) {
	for _, store := range s.o.Notices.Stores() {
		if store.ID == q.r.PathValue("store") {
			return store, true
		}
	}
	return Store{}, false
}

func (s *Service) help(*ask) answer {
	return answer{status: http.StatusOK, view: "help", result: done}
}

func (s *Service) nothingHere(*ask) answer { return problem(http.StatusNotFound, notFound) }
