package notice

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// speaker says things in one language. Its first error stays, so that who speaks need not look after every word.
type speaker struct {
	*texts
	err error
}

func (s *speaker) word(key string) string {
	text, err := s.text(key)
	s.keep(err)
	return text
}

func (s *speaker) sentence(key string, data any) string {
	text, err := s.say(key, data)
	s.keep(err)
	return text
}

func (s *speaker) keep(err error) {
	if s.err == nil {
		s.err = err
	}
}

// words are what the placeholders of the texts stand for, in the language.
type words struct {
	Name, Controller, Contact, URL, LegalBasis, TimeZone         string
	Policy, SetPolicy                                            string
	Moment, Sensors, Online, Known, CountOnly, Reasons, OneIn    string
	KeysDie, SealAt, SealAfter, SpoolAge, Life, Longest, ListAge string
	Inside, Floor, PasserBy, Memory, ClassLife, CountersHours    string
	Rounded, Hidden, Shared                                      string
	Weeks, Epsilon, Odds, CodeDays, KeyDays, Bits                string
	ReturnLife, TagDays                                          string
}

func (s *speaker) words(f Facts) words {
	r, n := f.Rules, f.Now
	return words{
		Name: clean(r.Name), Controller: clean(r.Controller), Contact: clean(r.Contact), URL: clean(r.URL),
		LegalBasis: clean(r.LegalBasis), TimeZone: clean(r.TimeZone), Policy: s.word("policy." + r.Policy), SetPolicy: s.word("policy." + r.SetPolicy),
		Moment: n.At.Format(s.word("format.moment")), Sensors: s.number(int64(n.Sensors)), Online: s.number(int64(n.Online)),
		Known: s.number(int64(n.Known)), CountOnly: s.number(int64(n.CountOnly)), Reasons: s.reasons(n.Reasons), OneIn: s.number(n.OneIn),
		KeysDie: s.clock(r.KeysDie), SealAt: s.clock(sealAt(r)), SealAfter: s.span(r.SealAfter), SpoolAge: s.span(r.SpoolIDAge),
		Life: s.span(r.OnlineLife), Longest: s.span(r.LongestLife), ListAge: s.span(r.OptOutMaxAge),
		Inside: strconv.Itoa(r.InsideDBM), Floor: strconv.Itoa(r.FloorDBM), PasserBy: s.span(r.PasserBy), Memory: s.span(r.RandomMemory),
		ClassLife: s.span(r.ClassLife), Rounded: s.number(int64(r.RoundedTo)), Hidden: s.number(int64(r.HiddenUnder)),
		Shared: s.number(int64(r.SharedByTag)), Weeks: s.number(int64(r.FilterWeeks)), Epsilon: s.decimal(r.ReturnEpsilon),
		Odds: s.decimal(r.OddsBound), CodeDays: s.number(int64(r.CodeDays)), KeyDays: s.number(int64(r.CodeKeyDays)),
		Bits: s.number(int64(r.CodeBits)), ReturnLife: s.span(r.ReturnLife), TagDays: s.number(int64(r.TagDays)),
		CountersHours: s.number(int64(time.Duration(r.CountersLife).Round(time.Hour) / time.Hour)),
	}
}

// sealAt is the local time of day at which a day is sealed, as KeysDie is written. Clocks change before a store-day ends, so
// the sum is right but where a day is sealed almost a day later.
func sealAt(r Rules) string {
	die, err := time.Parse("15:04", r.KeysDie)
	if err != nil {
		return r.KeysDie
	}
	return die.Add(time.Duration(r.SealAfter)).Format("15:04")
}

func (s *speaker) clock(text string) string {
	return s.sentence("format.clock", map[string]string{"Time": text})
}

func (s *speaker) reasons(list []string) string {
	var out []string
	for _, reason := range list {
		out = append(out, s.word("reason."+reason))
	}
	return strings.Join(out, "; ")
}

// inDays is from when on a duration is said in days.
const inDays = 10 * 24 * time.Hour

// span is a duration in hours, minutes and seconds, up to the next whole second; a long one in days and hours, up to the next hour.
func (s *speaker) span(d Span) string {
	left := (time.Duration(d) + time.Second - 1).Truncate(time.Second)
	var parts []string
	if left >= inDays {
		left = (left + time.Hour - 1).Truncate(time.Hour)
		parts = append(parts, s.number(int64(left/(24*time.Hour)))+" "+s.word("unit.day.many"))
		left %= 24 * time.Hour
	}
	for _, unit := range []struct {
		key  string
		size time.Duration
	}{{"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		n := left / unit.size
		left -= n * unit.size
		if n == 0 && (unit.size > time.Second || len(parts) > 0) {
			continue
		}
		key := "unit." + unit.key + ".many"
		if n == 1 {
			key = "unit." + unit.key + ".one"
		}
		parts = append(parts, s.number(int64(n))+" "+s.word(key))
	}
	return strings.Join(parts, " "+s.word("unit.and")+" ")
}

// number is a whole number, in groups of three digits.
func (s *speaker) number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	if n < 10000 && n > -10000 {
		return digits
	}
	group := s.word("format.group")
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + group + digits[i:]
	}
	return digits
}

func (s *speaker) decimal(x float64) string {
	return strings.Replace(strconv.FormatFloat(x, 'f', -1, 64), ".", s.word("format.decimal"), 1)
}

// clean is a text of one line without characters that are not seen: names come from files and other computers.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r): // among them those that turn the direction of what follows
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	return strings.Join(strings.Fields(text), " ")
}

// opening is opening hours in words: days that are alike and follow each other in one line.
func (s *speaker) opening(text string) []string {
	w, ok := readHours(text)
	switch {
	case !ok:
		return []string{s.word("hours.unreadable")}
	case w.always:
		return []string{s.word("hours.always")}
	}
	var lines []string
	for first := 0; first < len(w.days); {
		last := first
		for last+1 < len(w.days) && w.days[last+1] == w.days[first] {
			last++
		}
		days := s.word("day." + dayKeys[first])
		if last > first {
			days = s.sentence("hours.days", map[string]string{"First": days, "Last": s.word("day." + dayKeys[last])})
		}
		lines = append(lines, days+": "+s.times(w.days[first]))
		first = last + 1
	}
	return lines
}

func (s *speaker) times(text string) string {
	if text == "closed" {
		return s.word("hours.closed")
	}
	var spans []string
	for span := range strings.SplitSeq(text, ",") {
		from, to, _ := strings.Cut(span, "-")
		spans = append(spans, s.sentence("hours.span", map[string]string{"From": from, "To": to}))
	}
	return strings.Join(spans, ", ")
}
