package visits

import "time"

// Visit is a stay of one device: its first and last sighting in Unix milliseconds, and the zones it was heard in, by number.
type Visit struct {
	FirstMS, LastMS int64
	Zones           []ZoneStay
}

// Dwell is the time from the first sighting to the last.
func (v *Visit) Dwell() time.Duration { return time.Duration(v.LastMS-v.FirstMS) * time.Millisecond }

// ZoneStay is the part of a visit that one zone heard: first and last sighting there in Unix milliseconds, and how many.
type ZoneStay struct {
	Zone            int
	FirstMS, LastMS int64
	Count           int
}

// Split cuts the sightings of one device, ascending and without repeats, into visits in order of time; what was inside too
// briefly is counted as a bounce and what stayed too long as long (excluded_long). startMS is when the store-day began, in
// Unix milliseconds. A gap of exactly the session timeout holds a visit together, and the shortest and the longest dwell
// themselves are visits, as in reference/counting.py.
func Split(sightings []Sighting, startMS int64, zoneOf []int, p Params) (visits []Visit, bounces, long int) {
	for len(sightings) > 0 {
		n := sessionLen(sightings, p.SessionTimeout)
		session := sightings[:n]
		switch kindOf(session, p) {
		case bounceKind:
			bounces++
		case longKind:
			long++
		case visitKind:
			visits = append(visits, newVisit(session, startMS, zoneOf))
		}
		sightings = sightings[n:]
	}
	return visits, bounces, long
}

// kind says what a session counts as.
type kind uint8

const (
	visitKind kind = iota
	bounceKind
	longKind
)

// sessionLen is how many of the sightings belong to the session that the first one begins.
func sessionLen(sightings []Sighting, timeout time.Duration) int {
	limit := timeout.Milliseconds()
	for i := 1; i < len(sightings); i++ {
		if sightings[i].OffsetMS()-sightings[i-1].OffsetMS() > limit {
			return i
		}
	}
	return len(sightings)
}

// dwellMS is the time from the first to the last sighting of a session.
func dwellMS(session []Sighting) int64 {
	return session[len(session)-1].OffsetMS() - session[0].OffsetMS()
}

func kindOf(session []Sighting, p Params) kind {
	dwell := dwellMS(session)
	switch {
	case dwell < p.VisitMinDwell.Milliseconds():
		return bounceKind
	case dwell > p.VisitMax.Milliseconds():
		return longKind
	}
	return visitKind
}

func newVisit(session []Sighting, startMS int64, zoneOf []int) Visit {
	var stays [MaxSensors]ZoneStay
	zones := 0
	for _, s := range session {
		sensor := s.Sensor()
		if sensor >= len(zoneOf) {
			continue
		}
		zone := zoneOf[sensor]
		if zone < 0 || zone >= MaxSensors {
			continue
		}
		at, stay := startMS+s.OffsetMS(), &stays[zone]
		if stay.Count == 0 {
			zones++
			stay.Zone, stay.FirstMS = zone, at
		}
		stay.LastMS = at
		stay.Count++
	}
	v := Visit{FirstMS: startMS + session[0].OffsetMS(), LastMS: startMS + session[len(session)-1].OffsetMS()}
	if zones == 0 {
		return v
	}
	v.Zones = make([]ZoneStay, 0, zones)
	for _, stay := range stays {
		if stay.Count > 0 {
			v.Zones = append(v.Zones, stay)
		}
	}
	return v
}
