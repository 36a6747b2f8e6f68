package agent

import (
	"maps"
	"testing"

	"github.com/openfootfall/footfall/ingest/wire"
)

func TestCountOnlySendsDistinctDevicesByQuarter(t *testing.T) {
	for _, row := range []struct {
		name   string
		policy wire.Policy
		hours  map[string]string
		heard  []hearing
		want   map[string]uint32
	}{
		{
			"distinct in a quarter, again in the next", wire.Policy_POLICY_COUNT_ONLY, nil,
			[]hearing{{"10:00:00", 1, -60}, {"10:01:00", 1, -60}, {"10:02:00", 2, -60}, {"10:14:59", 3, -60}, {"10:15:00", 1, -60}, {"11:00:00", 2, -60}},
			map[string]uint32{"10:00": 3, "10:15": 1, "11:00": 1},
		},
		{
			"only inside", wire.Policy_POLICY_COUNT_ONLY, nil, []hearing{{"10:00:00", 1, -71}, {"10:01:00", 2, -70}, {"10:02:00", 3, -95}},
			map[string]uint32{"10:00": 1},
		},
		{
			"nobody inside, no rollup", wire.Policy_POLICY_COUNT_ONLY, nil, []hearing{{"10:00:00", 1, -80}}, map[string]uint32{},
		},
		{
			"until closing", wire.Policy_POLICY_COUNT_ONLY, map[string]string{"mon": "10:00-10:20"},
			[]hearing{{"10:16:00", 1, -60}, {"10:19:00", 2, -60}, {"10:21:00", 3, -60}}, map[string]uint32{"10:15": 2},
		},
		{
			"a policy that nobody set sends no ids", wire.Policy_POLICY_UNSPECIFIED, nil, []hearing{{"10:00:00", 1, -60}}, map[string]uint32{"10:00": 1},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, func(r *rig) {
				r.set.Policy = row.policy
				if row.hours != nil {
					r.set.Hours = hours(t, row.hours)
				}
			})
			hear(r, row.heard).finish()
			got := map[string]uint32{}
			for _, e := range r.sink.envelopes {
				if e.GetSightings() != nil {
					t.Error("an id left the sensor")
				}
				for q := range e.GetRollup().Quarters() {
					if e.GetRollup().Cause != wire.Rollup_CAUSE_POLICY {
						t.Errorf("got cause %s", e.GetRollup().Cause)
					}
					got[clockText(r, q.Quarter*quarterNS)] += q.Devices
				}
			}
			if !maps.Equal(got, row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
			if len(r.hasher.ids) > 0 {
				t.Error("an id was made")
			}
			if c := r.p.Counts(); c.Sightings != 0 {
				t.Errorf("got %d sightings", c.Sightings)
			}
		})
	}
}

// clockText is a time of monday as 10:15.
func clockText(r *rig, at int64) string {
	minutes := (at - r.at("00:00:00")) / minuteNS
	return string([]byte{byte('0' + minutes/600), byte('0' + minutes/60%10), ':', byte('0' + minutes%60/10), byte('0' + minutes%10)})
}

func TestCountOnlyHeartbeatsStandBeforeTheOpenQuarter(t *testing.T) {
	r := newRig(t, func(r *rig) { r.set.Policy = wire.Policy_POLICY_COUNT_ONLY })
	r.feed(air{t: r.at("09:07:00"), addr: made(1), dbm: -60})
	for m := range int64(120) {
		r.feed(air{t: r.at("09:07:10") + m*minuteNS, addr: phone(int(m / 10)), dbm: -60})
	}
	r.finish()
	checkBatches(t, r)
	beats := 0
	for _, e := range r.sink.envelopes {
		if h := e.GetHeartbeat(); h != nil && !h.EndOfInput {
			beats++
			if h.CaptureMs%(15*60_000) != 0 {
				t.Errorf("got a heartbeat at %s, want the beginning of a quarter", clockText(r, h.CaptureMs*1e6))
			}
		}
	}
	if beats != 2 {
		t.Errorf("got %d heartbeats, want 2", beats)
	}
}
