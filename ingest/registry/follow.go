package registry

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
)

// Update tells that the list changed, or stood at the end of the topic for the first time.
type Update struct {
	Version     uint64
	Records     int
	ConfirmedAt time.Time
}

// FollowOptions say where the registry is and who wants to know.
type FollowOptions struct {
	Config   broker.Config
	OnUpdate func(Update) // called from Follow's goroutine; nil for nobody
	// OnJoined is told how many records the list has that the one before, which may be of an earlier start, did not have. It is
	// called from Follow's goroutine when Has knows them and before ConfirmedAt says so, so that what must be done about them
	// comes before what waits for a confirmation. Nothing is told of the first list of a sensor that had none: all of it would
	// be new. Nil for nobody.
	OnJoined   func(records int)
	Now        func() time.Time // time.Now where nil
	Wait       time.Duration    // between two confirmations of a list that does not change; half a second where zero
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Follow reads the registry from its beginning and keeps the list up to date until the context ends; it returns the
// context's error, or what is wrong with the options. A new version becomes visible when the end of the topic is reached,
// so that no list is ever half loaded; the list before stays until then. An empty topic is a valid list. Broken records are
// counted and left out. One Follow a list.
func (l *List) Follow(ctx context.Context, o FollowOptions) error {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OnUpdate == nil {
		o.OnUpdate = func(Update) {}
	}
	if o.OnJoined == nil {
		o.OnJoined = func(int) {}
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return err
	}
	building, another := &loader{base: new(snapshot)}, true // another than the list before
	f := broker.Follower{Config: o.Config, Topic: broker.OptOuts, Wait: o.Wait, Registerer: o.Registerer, Logger: o.Logger}
	return f.Follow(ctx, broker.Earliest, func(b broker.Batch) error {
		if b.Reset { // another topic of the same name: it is the whole truth
			building, another = &loader{base: new(snapshot)}, true
		}
		for _, message := range b.Messages {
			r, err := Decode(message.Key, message.Value)
			if err != nil {
				m.broken.Inc()
				continue
			}
			building.add(r)
		}
		if b.Next < b.End {
			return nil
		}
		now := o.Now()
		version := uint64(b.Next)
		changed := another || version != l.Version()
		another = false
		if changed {
			l.swap(building.apply(version), o.OnJoined)
			m.records.Set(float64(l.Len()))
		}
		l.confirmed.Store(now.UnixNano()) // after the list, or somebody could take the one before for confirmed
		if changed {
			o.OnUpdate(Update{Version: version, Records: l.Len(), ConfirmedAt: now})
		}
		return nil
	})
}

// swap makes the snapshot the list, and tells how much is new in it.
func (l *List) swap(next *snapshot, joined func(records int)) {
	before := l.current.Swap(next)
	if l.confirmed.Load() == 0 {
		return // there was none
	}
	if n := next.joined(before); n > 0 {
		joined(n)
	}
}

type metrics struct {
	records prometheus.Gauge
	broken  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (m metrics, err error) {
	var err1, err2 error
	m.records, err1 = broker.Register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "footfall", Subsystem: "registry", Name: "records", Help: "Records of the opt-out list.",
	}))
	m.broken, err2 = broker.Register(reg, prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "footfall", Subsystem: "registry", Name: "broken_records_total", Help: "Records of the opt-out topic that could not be read.",
	}))
	return m, errors.Join(err1, err2)
}
