// Package fleet knows what the sensors of a chain enforce and work under. Their newest states come in from the topic of sensors;
// out goes how many are online, how many drop what the newest opt-out list excludes, and the settings that the notice is made
// from. It is for programs that may read neither ids nor counters, and learns none.
package fleet

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/stores"
)

// Fleet holds the newest state of each sensor. All of its methods may be called from anywhere; there is one Follow.
type Fleet struct {
	mu     sync.Mutex
	ready  bool
	check  uint32            // Options.OptOutKeyCheck
	strays bool              // one with another opt-out key was found, and said
	states map[string]*State // by keyOf; a state never changes
}

// New returns a fleet of which nothing has been heard.
func New() *Fleet { return &Fleet{states: map[string]*State{}} }

// Options say where the states are, and whose count.
type Options struct {
	Config broker.Config
	// Stores are the chain's: the state of a sensor that is not among theirs is ignored, and counted.
	Stores []stores.Store
	// Newest is the version of the opt-out list that sensors should enforce, for the metrics; nil: they do not say it.
	Newest func() uint64
	// OptOutKeyCheck is the check value of the service's opt-out key (keys.OptOutKey.Check): a sensor with another key drops other
	// addresses than the ones that were registered, so it enforces nothing (State.SameKey). 0: it is not known, and not asked.
	OptOutKeyCheck uint32

	Now        func() time.Time // of the metrics; time.Now where nil
	Wait       time.Duration    // of a fetch at the end of the topic; half a second where zero. A state ends it at once
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Follow reads the topic from its beginning and keeps the states up to date until the context ends, through outages; it returns
// the context's error, or what is wrong with the options. A broken message is counted and ignored. A message without a value
// strikes a sensor off: operators write one for a sensor that is gone for good.
func (f *Fleet) Follow(ctx context.Context, o Options) error {
	if len(o.Stores) == 0 {
		return errors.New("follow the sensors: no stores: give those of stores.yaml")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	f.mu.Lock()
	f.check = o.OptOutKeyCheck
	f.mu.Unlock()
	known := map[string]bool{}
	for _, s := range o.Stores {
		for _, sensor := range s.Sensors {
			known[keyOf(s.ID, sensor.ID)] = true
		}
	}
	m, err := f.newMetrics(o)
	if err != nil {
		return err
	}
	follower := broker.Follower{Config: o.Config, Topic: broker.Sensors, Wait: o.Wait, Registerer: o.Registerer, Logger: o.Logger}
	return follower.Follow(ctx, broker.Earliest, func(b broker.Batch) error {
		f.read(b, known, m)
		if f.stray() {
			o.Logger.Error("a sensor has another opt-out key than this service, so it drops other addresses than the ones registered here; " +
				"restore the optout.key that the sensors were given, or issue bundles under this one")
		}
		return nil
	})
}

// read takes in what a fetch brought.
func (f *Fleet) read(b broker.Batch, known map[string]bool, m metrics) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b.Reset { // another topic of the same name, or all of it was deleted: what is in it now is the whole truth
		clear(f.states)
	}
	for _, message := range b.Messages {
		key := string(message.Key)
		if len(message.Value) == 0 {
			delete(f.states, key)
			continue
		}
		s, ok := decode(message.Key, message.Value)
		switch {
		case !ok:
			m.broken.Inc()
		case !known[key]:
			m.unknown.Inc()
		case f.states[key] == nil || s.follows(f.states[key]):
			f.states[key] = s
		}
	}
	f.ready = f.ready || b.Next >= b.End
}

// stray says, once, that a sensor has another opt-out key.
func (f *Fleet) stray() (found bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.strays {
		return false
	}
	for _, s := range f.states {
		f.strays = f.strays || s.otherKey(f.check)
	}
	return f.strays
}

// States returns what is known of every sensor that was heard of, by store and sensor.
func (f *Fleet) States() []State { return f.list(func(*State) bool { return true }) }

// Of returns what is known of the sensors of a store, by sensor.
func (f *Fleet) Of(store string) []State {
	return f.list(func(s *State) bool { return s.Store == store })
}

func (f *Fleet) list(wanted func(*State) bool) []State {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []State
	for _, s := range f.states {
		if wanted(s) {
			out = append(out, s.clone())
		}
	}
	slices.SortFunc(out, func(a, b State) int {
		return cmp.Or(cmp.Compare(a.Store, b.Store), cmp.Compare(a.Sensor, b.Sensor))
	})
	return out
}
