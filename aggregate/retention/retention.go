package retention

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/openfootfall/footfall/ingest/lifetime"
	"github.com/openfootfall/footfall/ingest/stores"
)

// Prove looks at every place. It returns those it could look at, in a fixed order, with a verdict each; a breach is no error. The
// error is of a place that could not be asked at all, and then the places are not all.
//
// Of topics with ids the beginning is looked at, from the first message that can be read to 1,000 messages behind the first that
// has an id: later ones are younger by their order, and older than their place by spool_id_age at most.
func Prove(ctx context.Context, in Input) ([]Place, error) {
	p := &proof{in: in, stores: map[string]*stores.Store{}, idAge: map[string]time.Duration{}}
	p.seal, p.longestDay = lifetime.Chain(in.Stores, in.Now)
	for i := range in.Stores {
		p.stores[in.Stores[i].ID] = &in.Stores[i]
	}
	for _, s := range in.Sensors {
		p.idAge[s.Store] = max(p.idAge[s.Store], cmp.Or(s.IDAge, DefaultIDAge))
	}
	var places []Place
	if len(in.Kafka.Brokers) > 0 {
		list, err := p.topics(ctx, topicRules())
		places = append(places, list...)
		if err != nil {
			return places, err
		}
	}
	if in.DB != nil {
		list, err := p.tables(ctx)
		places = append(places, list...)
		if err != nil {
			return places, err
		}
	}
	return append(places, p.spools()...), nil
}

// count counts the places with a verdict.
func count(places []Place, v Verdict) (n int) {
	for _, p := range places {
		if p.Verdict == v {
			n++
		}
	}
	return n
}

// proof is one run of Prove.
type proof struct {
	in     Input
	stores map[string]*stores.Store
	idAge  map[string]time.Duration // spool_id_age of a store, the longest of its sensors

	seal, longestDay time.Duration // the chain's: lifetime.Chain
}

// bounds are the lives of a store's ids in the topic, which is truncated where the last store has sealed. Those of a store that is
// not in stores.yaml are as long as they can be.
func (p *proof) bounds(id string) lifetime.Bounds {
	seal := p.seal
	if p.stores[id] == nil {
		seal = max(seal, stores.MaxSealAfter)
	}
	return lifetime.Of(seal, cmp.Or(p.idAge[id], DefaultIDAge), max(p.longestDay, lifetime.StoreDay))
}

// silentAfter is how old the last word of a sensor may be: it speaks every minute.
const silentAfter = time.Hour

// spools judges what the sensors said, those of stores.yaml that said nothing included.
func (p *proof) spools() []Place {
	var places []Place
	said := map[[2]string]bool{}
	for _, s := range p.in.Sensors {
		said[[2]string{s.Store, s.Sensor}] = true
		places = append(places, p.spool(s))
	}
	for _, s := range p.in.Stores {
		for _, sensor := range s.Sensors {
			if !said[[2]string{s.ID, sensor.ID}] {
				places = append(places, p.spool(SensorSpool{Store: s.ID, Sensor: sensor.ID}))
			}
		}
	}
	slices.SortFunc(places, func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Store, b.Store), cmp.Compare(a.Name, b.Name))
	})
	return places
}

func (p *proof) spool(s SensorSpool) Place {
	place := Place{Kind: Spool, Name: s.Sensor, Store: s.Store, Oldest: s.Oldest, Newest: s.Made, Limit: cmp.Or(s.IDAge, DefaultIDAge), Verdict: OK}
	if !s.Oldest.IsZero() {
		place.Age = max(0, p.in.Now.Sub(s.Oldest))
	}
	switch {
	case !s.Known:
		place.Verdict, place.Reason = Unknown, NotReported
	case p.in.Now.Sub(s.Made) > silentAfter:
		place.Verdict, place.Reason = Unknown, Silent
	case place.Age > place.Limit:
		place.Verdict, place.Reason = Unknown, PastIDAge
	}
	return place
}
