package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/ingest/wire"
)

func TestValidate(t *testing.T) {
	long := strings.Repeat("s", 64)
	tests := []struct {
		name   string
		kind   string
		change func(*wire.Envelope)
		want   string // the reason; "" where the envelope is fine
	}{
		{"no header", "seal", func(e *wire.Envelope) { e.Header = nil }, wire.ReasonBadHeader},
		{"no body", "seal", func(e *wire.Envelope) { e.Body = nil }, wire.ReasonUnknownKind},
		{"no store", "seal", func(e *wire.Envelope) { e.Header.Store = "" }, wire.ReasonBadHeader},
		{"a long store", "seal", func(e *wire.Envelope) { e.Header.Store = long }, wire.ReasonBadHeader},
		{"a store of 63 bytes", "seal", func(e *wire.Envelope) { e.Header.Store = long[1:] }, ""},
		{"a store with a line break", "seal", func(e *wire.Envelope) { e.Header.Store = "a\nb" }, wire.ReasonBadHeader},
		{"no sensor", "forget", func(e *wire.Envelope) { e.Header.Sensor = "" }, wire.ReasonBadHeader},
		{"a long zone", "heartbeat", func(e *wire.Envelope) { e.Header.Zone = long }, wire.ReasonBadHeader},
		{"a day of an old capture", "heartbeat", func(e *wire.Envelope) { e.Header.StoreDay = -1 }, ""},
		{"a day before people had phones", "heartbeat", func(e *wire.Envelope) { e.Header.StoreDay = -1 << 30 }, wire.ReasonBadHeader},
		{"a day far away", "heartbeat", func(e *wire.Envelope) { e.Header.StoreDay = 1 << 30 }, wire.ReasonBadHeader},
		{"an unknown policy", "heartbeat", func(e *wire.Envelope) { e.Header.Policy = 9 }, wire.ReasonBadHeader},
		{"a class epoch of the next day", "counters", func(e *wire.Envelope) { e.Header.ClassEpoch = (day + 1) * 16 }, wire.ReasonBadHeader},
		{"one class epoch for a whole capture", "counters", func(e *wire.Envelope) { e.Header.ClassEpoch = (day - 9) * 16 }, ""},
		{"base before 1970", "forget", func(e *wire.Envelope) { e.Header.BaseMs = -1 }, wire.ReasonBadHeader},
		{"sightings of a store that counts only", "sightings", func(e *wire.Envelope) { e.Header.Policy = wire.Policy_POLICY_COUNT_ONLY }, wire.ReasonInconsistent},
		{"sightings of another day", "sightings", func(e *wire.Envelope) { e.Header.StoreDay += 3 }, wire.ReasonInconsistent},
		{"counters of another day", "counters", func(e *wire.Envelope) { e.Header.StoreDay += 3 }, wire.ReasonInconsistent},
		{"rollup of another day", "rollup", func(e *wire.Envelope) { e.Header.StoreDay -= 3 }, wire.ReasonInconsistent},
		{"a rollup without a cause", "rollup", func(e *wire.Envelope) { e.GetRollup().Cause = 0 }, wire.ReasonInconsistent},
		{"a rollup with a column cut", "rollup", func(e *wire.Envelope) { e.GetRollup().Devices = e.GetRollup().Devices[1:] }, wire.ReasonInconsistent},
		{"a rollup that repeats a quarter", "rollup", func(e *wire.Envelope) { e.GetRollup().QuarterDelta[1] = 0 }, wire.ReasonInconsistent},
		{"a rollup to the end of time", "rollup", func(e *wire.Envelope) { e.GetRollup().QuarterDelta[1] = 1 << 31 }, wire.ReasonInconsistent},
		{"a rollup at the end of time", "rollup", func(e *wire.Envelope) { e.GetRollup().FirstQuarter = 1 << 62 }, wire.ReasonInconsistent},
		{"a heartbeat before any frame", "heartbeat", func(e *wire.Envelope) { e.GetHeartbeat().CaptureMs = 0 }, ""},
		{"a heartbeat before 1970", "heartbeat", func(e *wire.Envelope) { e.GetHeartbeat().CaptureMs = -1 }, wire.ReasonInconsistent},
		{"an opt-out list never seen", "heartbeat", func(e *wire.Envelope) { e.GetHeartbeat().OptoutAgeS = -1 }, ""},
		{"an opt-out list of tomorrow", "heartbeat", func(e *wire.Envelope) { e.GetHeartbeat().OptoutAgeS = -2 }, wire.ReasonInconsistent},
		{"a reason with a line break", "heartbeat", func(e *wire.Envelope) { e.GetHeartbeat().FailClosed[0] = "a\nb" }, wire.ReasonInconsistent},
		{"a drop without a reason", "heartbeat", func(e *wire.Envelope) { e.GetHeartbeat().Drops[0].Reason = "" }, wire.ReasonInconsistent},
		{"a thousand drops", "heartbeat", func(e *wire.Envelope) { e.GetHeartbeat().Drops = make([]*wire.Drop, 1000) }, wire.ReasonInconsistent},
		{"due before 1970", "seal", func(e *wire.Envelope) { e.GetSeal().DueMs = -1 }, wire.ReasonInconsistent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkReason(t, samples()[tt.kind], tt.change, tt.want) })
	}
}

func TestValidateSightings(t *testing.T) {
	tests := []struct {
		name   string
		change func(*wire.Sightings)
		want   string
	}{
		{"a count missing", func(s *wire.Sightings) { s.Counts = s.Counts[1:] }, wire.ReasonInconsistent},
		{"a count too high", func(s *wire.Sightings) { s.Counts[1]++ }, wire.ReasonInconsistent},
		{"a count of four billion", func(s *wire.Sightings) { s.Counts[0] = 1<<32 - 1 }, wire.ReasonInconsistent},
		{"a count too low", func(s *wire.Sightings) { s.Counts[0]-- }, wire.ReasonInconsistent},
		{"an id without sightings", func(s *wire.Sightings) { s.Ids, s.Counts = append(s.Ids, 1<<64-1), append(s.Counts, 0) }, ""},
		{"a band missing", func(s *wire.Sightings) { s.Bands = s.Bands[1:] }, wire.ReasonInconsistent},
		{"band 0", func(s *wire.Sightings) { s.Bands[0] = 0 }, wire.ReasonInconsistent},
		{"band 8", func(s *wire.Sightings) { s.Bands[0] = 8 }, wire.ReasonInconsistent},
		{"ids out of order", func(s *wire.Sightings) { s.Ids[0], s.Ids[1] = s.Ids[1], s.Ids[0] }, wire.ReasonInconsistent},
		{"an id twice", func(s *wire.Sightings) { s.Ids[1] = s.Ids[0] }, wire.ReasonInconsistent},
		{"a sighting in another week", func(s *wire.Sightings) { s.OffsetsMs[1] = 7 * 86400000 }, wire.ReasonInconsistent},
		{"an answer missing", func(s *wire.Sightings) { s.Answers = nil }, wire.ReasonInconsistent},
		{"an answer of nobody", func(s *wire.Sightings) { s.AnswerOf[0] = 2 }, wire.ReasonInconsistent},
		{"an answer of six bits", func(s *wire.Sightings) { s.Answers[0] = 32 }, wire.ReasonInconsistent},
		{"two answers of one id", func(s *wire.Sightings) {
			s.AnswerOf, s.Answers = append(s.AnswerOf, s.AnswerOf[0]), append(s.Answers, 1)
		}, wire.ReasonInconsistent},
		{"answers without filters", func(s *wire.Sightings) { s.FilterOnes = nil }, wire.ReasonInconsistent},
		{"four filters", func(s *wire.Sightings) { s.FilterOnes = s.FilterOnes[:4] }, wire.ReasonInconsistent},
		{"a filter of too many ones", func(s *wire.Sightings) { s.FilterOnes[2] = 65537 }, wire.ReasonInconsistent},
		{"a filter of only ones", func(s *wire.Sightings) { s.FilterOnes[2] = 65536 }, ""},
		{"a look-back of five weeks", func(s *wire.Sightings) { s.LookbackWeeks = 5 }, wire.ReasonInconsistent},
		{"nothing at all", func(s *wire.Sightings) { s.Reset() }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkReason(t, samples()["sightings"], func(e *wire.Envelope) { tt.change(e.GetSightings()) }, tt.want)
		})
	}
}

func TestValidateReturnIDs(t *testing.T) {
	for _, tt := range []struct {
		name   string
		kind   string
		change func(*wire.Envelope)
		want   string
	}{
		{"of a standard store", "sightings_extended", func(e *wire.Envelope) { e.Header.Policy = wire.Policy_POLICY_STANDARD }, wire.ReasonInconsistent},
		{"of a store without a policy", "sightings_extended", func(e *wire.Envelope) { e.Header.Policy = wire.Policy_POLICY_UNSPECIFIED }, wire.ReasonInconsistent},
		{"one missing", "sightings_extended", func(e *wire.Envelope) { e.GetSightings().ReturnIds = e.GetSightings().ReturnIds[1:] }, wire.ReasonInconsistent},
		{"both missing", "sightings_extended", func(e *wire.Envelope) { e.GetSightings().ReturnIds = nil }, wire.ReasonInconsistent},
		{"of nobody", "sightings_extended", func(e *wire.Envelope) { e.GetSightings().ReturnOf[0] = 2 }, wire.ReasonInconsistent},
		{"of nobody at all", "sightings_extended", func(e *wire.Envelope) { e.GetSightings().ReturnOf[0] = 1<<32 - 1 }, wire.ReasonInconsistent},
		{"of one id twice", "sightings_extended", func(e *wire.Envelope) {
			s := e.GetSightings()
			s.ReturnOf, s.ReturnIds = append(s.ReturnOf, s.ReturnOf[0]), append(s.ReturnIds, 5, 6)
		}, wire.ReasonInconsistent},
		{"descending", "sightings_extended", func(e *wire.Envelope) {
			s := e.GetSightings()
			s.ReturnOf, s.ReturnIds = []uint32{1, 0}, append(s.ReturnIds, 5, 6)
		}, wire.ReasonInconsistent},
		{"of both ids", "sightings_extended", func(e *wire.Envelope) {
			s := e.GetSightings()
			s.ReturnOf, s.ReturnIds = []uint32{0, 1}, append(s.ReturnIds, 5, 6)
		}, ""},
		{"of another period", "sightings_extended", func(e *wire.Envelope) { e.GetSightings().ReturnPeriod++ }, wire.ReasonInconsistent},
		{"of the period before", "sightings_extended", func(e *wire.Envelope) { e.GetSightings().ReturnPeriod-- }, wire.ReasonInconsistent},
		{"an extended store without any", "sightings_extended", func(e *wire.Envelope) {
			s := e.GetSightings()
			s.ReturnOf, s.ReturnIds, s.ReturnPeriod = nil, nil, 0
		}, ""},
		{"a Forget of a standard store", "forget_extended", func(e *wire.Envelope) { e.Header.Policy = wire.Policy_POLICY_STANDARD }, wire.ReasonInconsistent},
		{"a Forget with one", "forget_extended", func(e *wire.Envelope) { e.GetForget().ReturnIds = e.GetForget().ReturnIds[1:] }, wire.ReasonInconsistent},
		{"a Forget with three", "forget_extended", func(e *wire.Envelope) { e.GetForget().ReturnIds = append(e.GetForget().ReturnIds, 3) }, wire.ReasonInconsistent},
		{"a Forget of another period", "forget_extended", func(e *wire.Envelope) { e.GetForget().ReturnPeriod = 0 }, wire.ReasonInconsistent},
		{"a Forget with none", "forget_extended", func(e *wire.Envelope) { e.GetForget().ReturnIds, e.GetForget().ReturnPeriod = nil, 0 }, ""},
		{"a Forget without a body", "forget_extended", func(e *wire.Envelope) { e.Body = &wire.Envelope_Forget{} }, wire.ReasonInconsistent},
	} {
		t.Run(tt.name, func(t *testing.T) { checkReason(t, samples()[tt.kind], tt.change, tt.want) })
	}
}

func TestValidateCounters(t *testing.T) {
	tests := []struct {
		name   string
		change func(*wire.MinuteCounters)
		want   string
	}{
		{"a minute's column cut", func(c *wire.MinuteCounters) { c.ListenedS = c.ListenedS[1:] }, wire.ReasonInconsistent},
		{"a row's column cut", func(c *wire.MinuteCounters) { c.Back = c.Back[1:] }, wire.ReasonInconsistent},
		{"more rows than keys", func(c *wire.MinuteCounters) { c.Rows[1]++ }, wire.ReasonInconsistent},
		{"four billion rows", func(c *wire.MinuteCounters) { c.Rows[0] = 1<<32 - 1 }, wire.ReasonInconsistent},
		{"fewer rows than keys", func(c *wire.MinuteCounters) { c.Rows[0]-- }, wire.ReasonInconsistent},
		{"61 seconds", func(c *wire.MinuteCounters) { c.ListenedS[0] = 61 }, wire.ReasonInconsistent},
		{"a memory older than it lives", func(c *wire.MinuteCounters) { c.MemoryAge[0] = 16 }, wire.ReasonInconsistent},
		{"a memory of another length", func(c *wire.MinuteCounters) { c.MemoryMinutes = 14 }, wire.ReasonInconsistent},
		{"other band edges", func(c *wire.MinuteCounters) { c.BandEdges = 2 }, wire.ReasonInconsistent},
		{"an inside floor between the bands", func(c *wire.MinuteCounters) { c.InsideDbm = -68 }, wire.ReasonInconsistent},
		{"an inside floor of -65", func(c *wire.MinuteCounters) { c.InsideDbm = -65 }, ""},
		{"a key twice", func(c *wire.MinuteCounters) { c.Keys[1] = 0 }, wire.ReasonInconsistent},
		{"class 1024", func(c *wire.MinuteCounters) { c.Keys[2] = 1024<<3 | 5 }, wire.ReasonInconsistent},
		{"band 0", func(c *wire.MinuteCounters) { c.Keys[2] = 1000 << 3 }, wire.ReasonInconsistent},
		{"a key that wraps round", func(c *wire.MinuteCounters) { c.Keys[1] = 1<<32 - 8 }, wire.ReasonInconsistent},
		{"a first delta", func(c *wire.MinuteCounters) { c.MinuteDelta[0] = 1 }, wire.ReasonInconsistent},
		{"a minute twice", func(c *wire.MinuteCounters) { c.MinuteDelta[1] = 0 }, wire.ReasonInconsistent},
		{"a minute of next week", func(c *wire.MinuteCounters) { c.MinuteDelta[1] = 7 * 1440 }, wire.ReasonInconsistent},
		{"a minute before 1970", func(c *wire.MinuteCounters) { c.FirstMinute = -5 }, wire.ReasonInconsistent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkReason(t, samples()["counters"], func(e *wire.Envelope) { tt.change(e.GetCounters()) }, tt.want)
		})
	}
}

// checkReason changes a valid envelope and wants the reason, from the sender's check.
func checkReason(t *testing.T, e *wire.Envelope, change func(*wire.Envelope), want string) {
	t.Helper()
	if err := wire.Validate(e); err != nil {
		t.Fatalf("the sample itself: %v", err)
	}
	change(e)
	_, err := wire.Encode(e)
	got := ""
	var invalid *wire.InvalidError
	if errors.As(err, &invalid) {
		got = invalid.Reason
	}
	if got != want {
		t.Errorf("reason: got %q (%v), want %q", got, err, want)
	}
}
