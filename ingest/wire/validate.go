package wire

import (
	"strings"
	"unicode"
)

// Bounds of what an envelope may say. They are wide: they keep nonsense and hostile numbers out, and judge nothing else.
const (
	maxName      = 63
	maxDay       = 100 * 366
	maxDrops     = 256
	maxReasons   = 32
	maxChannels  = 128 // 2.4, 5 and 6 GHz have 14, 28 and 59
	maxMHz       = 7200
	dayMillis    = 24 * 60 * 60 * 1000
	dayZeroMS    = 1577836800000        // 2020-01-01T00:00Z
	earliestMS   = -11 * 60 * 60 * 1000 // 04:00 at UTC+14, and an hour to spare
	latestMS     = 42 * 60 * 60 * 1000  // the end of a day of 25 hours at UTC-12, and an hour to spare
	epochsPerDay = 16
	maxMillis    = 1 << 43 // the year 2248; above it products of instants could overflow
)

// Validate checks an envelope by the rules of Decode. The error is an *InvalidError.
func Validate(e *Envelope) error {
	h := e.GetHeader()
	fail := func(reason, detail string) error {
		return &InvalidError{Reason: reason, Detail: detail, Header: h}
	}
	if e.GetBody() == nil {
		return fail(ReasonUnknownKind, "no body that this program knows: update the aggregator before the sensors")
	}
	if detail := checkHeader(e); detail != "" {
		return fail(ReasonBadHeader, detail)
	}
	if detail := checkBody(e); detail != "" {
		return fail(ReasonInconsistent, detail)
	}
	return nil
}

// The check functions return the rule that is broken, or nothing.

func checkBody(e *Envelope) string {
	h := e.Header
	switch b := e.Body.(type) {
	case *Envelope_Sightings:
		return checkSightings(h, b.Sightings)
	case *Envelope_Counters:
		return checkCounters(h, b.Counters)
	case *Envelope_Rollup:
		return checkRollup(h, b.Rollup)
	case *Envelope_Heartbeat:
		return checkHeartbeat(b.Heartbeat)
	case *Envelope_Forget:
		return checkForget(h, b.Forget)
	case *Envelope_Seal:
		if b.Seal == nil || b.Seal.DueMs < 0 {
			return "a Seal is due before 1970"
		}
	}
	return ""
}

func checkHeader(e *Envelope) string {
	h := e.Header
	_, isCounters := e.Body.(*Envelope_Counters)
	_, isSeal := e.Body.(*Envelope_Seal)
	switch {
	case h == nil:
		return "no header"
	case !validName(h.Store):
		return "the store's name is empty, too long or not made of letters, digits, '.', '_' and '-'"
	case !validName(h.Sensor) && (!isSeal || h.Sensor != ""): // an aggregator seals; it is no sensor
		return "the sensor's name is empty, too long or not made of letters, digits, '.', '_' and '-'"
	case h.Zone != "" && !validName(h.Zone):
		return "the zone's name is too long or not made of letters, digits, '.', '_' and '-'"
	case h.StoreDay < -maxDay || h.StoreDay > maxDay:
		return "store_day is out of range"
	case h.Policy < Policy_POLICY_UNSPECIFIED || h.Policy > Policy_POLICY_EXTENDED:
		return "the policy is not known"
	case isCounters && (h.ClassEpoch < -maxDay*epochsPerDay || h.ClassEpoch >= (h.StoreDay+1)*epochsPerDay):
		return "class_epoch lies after the store-day"
	case h.BaseMs < 0:
		return "base_ms lies before 1970"
	}
	return ""
}

func validName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

func validText(s string) bool { return printable(s, maxName) }

func printable(s string, longest int) bool {
	return len(s) <= longest && strings.IndexFunc(s, unicode.IsControl) < 0
}

// inDay says whether an instant can belong to the store-day in any time zone.
func inDay(h *Header, ms int64) bool {
	since := ms - dayZeroMS - int64(h.StoreDay)*dayMillis
	return since >= earliestMS && since <= latestMS
}

func checkSightings(h *Header, s *Sightings) string {
	switch {
	case s == nil:
		return "sightings without a body"
	case h.Policy == Policy_POLICY_COUNT_ONLY:
		return "sightings of a store that counts only"
	case len(s.Counts) != len(s.Ids):
		return "counts and ids differ in length"
	case len(s.Bands) != len(s.OffsetsMs):
		return "bands and offsets differ in length"
	case len(s.OffsetsMs) > 0 && !inDay(h, h.BaseMs):
		return "base_ms lies outside the store-day"
	}
	next := 0
	for i, id := range s.Ids {
		if i > 0 && id <= s.Ids[i-1] {
			return "ids do not ascend"
		}
		if int64(s.Counts[i]) > int64(len(s.OffsetsMs)-next) { // as 64 bits: a hostile count is negative in an int of 32
			return "counts and offsets differ"
		}
		n := int(s.Counts[i])
		last := h.BaseMs
		for _, d := range s.OffsetsMs[next : next+n] {
			last += int64(d)
		}
		if n > 0 && !inDay(h, last) {
			return "a sighting lies outside the store-day"
		}
		next += n
	}
	if next != len(s.OffsetsMs) {
		return "counts and offsets differ"
	}
	for _, b := range s.Bands {
		if b < MinBand || b > MaxBand {
			return "a band is out of range"
		}
	}
	if detail := checkAnswers(s); detail != "" {
		return detail
	}
	return checkReturns(h, s)
}

func checkAnswers(s *Sightings) string {
	switch {
	case len(s.Answers) != len(s.AnswerOf):
		return "answers and answer_of differ in length"
	case len(s.FilterOnes) != 0 && len(s.FilterOnes) != ReturnFilters:
		return "filter_ones does not have one value a filter"
	case len(s.Answers) > 0 && len(s.FilterOnes) == 0:
		return "answers without filter_ones"
	case s.LookbackWeeks >= ReturnFilters:
		return "lookback_weeks is out of range"
	}
	for _, n := range s.FilterOnes {
		if n > FilterBits {
			return "more ones than a filter has bits"
		}
	}
	for i, of := range s.AnswerOf {
		if int64(of) >= int64(len(s.Ids)) || i > 0 && of <= s.AnswerOf[i-1] {
			return "answer_of does not ascend within ids"
		}
		if s.Answers[i] >= 1<<ReturnFilters {
			return "an answer has more bits than there are filters"
		}
	}
	return ""
}

// checkReturns checks the return ids, which only a store of policy extended has.
func checkReturns(h *Header, s *Sightings) string {
	switch {
	case len(s.ReturnIds) != 2*len(s.ReturnOf):
		return "return_ids are not two for each of return_of"
	case len(s.ReturnOf) == 0:
		return ""
	case h.Policy != Policy_POLICY_EXTENDED:
		return "return ids of a store that is not extended"
	case s.ReturnPeriod != ReturnPeriod(h.StoreDay):
		return "return_period is not the store-day's"
	}
	for i, of := range s.ReturnOf {
		if int64(of) >= int64(len(s.Ids)) || i > 0 && of <= s.ReturnOf[i-1] {
			return "return_of does not ascend within ids"
		}
	}
	return ""
}

func checkForget(h *Header, f *Forget) string {
	switch {
	case f == nil:
		return "a Forget without a body"
	case len(f.ReturnIds) == 0:
		return ""
	case len(f.ReturnIds) != 2:
		return "a Forget has neither none nor two return ids"
	case h.Policy != Policy_POLICY_EXTENDED:
		return "return ids of a store that is not extended"
	case f.ReturnPeriod != ReturnPeriod(h.StoreDay):
		return "return_period is not the store-day's"
	}
	return ""
}

func checkRollup(h *Header, r *Rollup) string {
	switch {
	case r == nil:
		return "a rollup without a body"
	case r.Cause <= Rollup_CAUSE_UNSPECIFIED || r.Cause > Rollup_CAUSE_SPOOL_AGE:
		return "the rollup's cause is not known"
	case len(r.QuarterDelta) != len(r.Devices):
		return "quarters and devices differ in length"
	}
	return checkSteps(h, r.FirstQuarter, r.QuarterDelta, quarterMillis)
}

// checkSteps checks a column of instants: the first delta is nothing, the others ascend, all lie in the store-day.
func checkSteps(h *Header, first int64, deltas []uint32, step int64) string {
	if len(deltas) == 0 {
		return ""
	}
	if first < 0 || first > maxMillis/step || !inDay(h, first*step) || deltas[0] != 0 {
		return "the first minute or quarter lies outside the store-day"
	}
	at := first
	for _, d := range deltas[1:] {
		if d == 0 {
			return "minutes or quarters do not ascend"
		}
		at += int64(d)
		if at > maxMillis/step || !inDay(h, at*step) {
			return "a minute or quarter lies outside the store-day"
		}
	}
	return ""
}

func checkHeartbeat(b *Heartbeat) string {
	switch {
	case b == nil:
		return "a heartbeat without a body"
	case b.CaptureMs < 0 || b.CaptureMs > maxMillis || b.MadeMs < 0 || b.MadeMs > maxMillis:
		return "capture_ms or made_ms lies before 1970 or after 2248"
	case b.OptoutAgeS < -1:
		return "optout_age_s is negative"
	case !validText(b.Software):
		return "software is too long or has control characters"
	case len(b.FailClosed) > maxReasons || len(b.Trouble) > maxReasons || len(b.Drops) > maxDrops:
		return "more reasons than there can be"
	case b.SpoolOldestMs < 0:
		return "spool_oldest_ms lies before 1970"
	case len(b.Channels) > maxChannels:
		return "more channels than there are"
	}
	for _, reasons := range [][]string{b.FailClosed, b.Trouble} {
		for _, reason := range reasons {
			if reason == "" || !validText(reason) {
				return "a reason is empty, too long or has control characters"
			}
		}
	}
	for _, c := range b.Channels {
		if c == nil || c.Mhz > maxMHz {
			return "a channel is missing or beyond 7.2 GHz"
		}
	}
	for _, d := range b.Drops {
		if d == nil || !validName(d.Reason) {
			return "a drop's reason is empty, too long or not made of letters, digits, '.', '_' and '-'"
		}
	}
	return checkSettings(b.Settings)
}
