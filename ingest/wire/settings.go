package wire

// Bounds of what a sensor may say of its settings.
const (
	maxHours     = 4096    // bytes; a day of the week has any number of spans
	maxAgeS      = 1 << 27 // four years
	maxEpsilon   = 16
	weakestDBM   = -128
	strongestDBM = 0
)

// checkSettings returns the rule that is broken, or nothing. Sensors that say nothing of their settings are older.
func checkSettings(s *Settings) string {
	if s == nil {
		return ""
	}
	for _, seconds := range []uint32{s.SpoolIdAgeS, s.OptoutMaxAgeS, s.SealAfterS} {
		if seconds > maxAgeS {
			return "a time in the settings is longer than four years"
		}
	}
	for _, dbm := range []int32{s.InsideDbm, s.FloorDbm} {
		if dbm < weakestDBM || dbm > strongestDBM {
			return "a signal strength in the settings is out of range"
		}
	}
	switch {
	case !printable(s.Hours, maxHours):
		return "the opening hours are too long or have control characters"
	case !validText(s.TimeZone):
		return "the time zone is too long or has control characters"
	case !(s.ReturnEpsilon >= 0 && s.ReturnEpsilon <= maxEpsilon): // and so not NaN either
		return "return_epsilon is out of range"
	case s.KeysDay < -maxDay || s.KeysDay > maxDay:
		return "keys_day is out of range"
	}
	return ""
}
