package notice

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/lifetime"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
)

// allowed are the numbers that a notice may hold, computed here anew from what it was made of.
func allowed(in Input, f Facts, lang string) map[string]bool {
	out := map[string]bool{}
	add := func(numbers ...string) {
		for _, n := range numbers {
			out[n] = true
		}
	}
	whole := func(n int64) string { return strconv.FormatInt(n, 10) }
	span := func(d time.Duration) { add(whole(int64(d/time.Hour)), whole(int64(d%time.Hour/time.Minute))) }
	local := in.Now.In(in.Store.Calendar.Location())
	add(map[string]string{"en": local.Format("2"), "de": local.Format("02.01.2006")}[lang], local.Format("2006"), local.Format("15:04"))
	for _, hours := range append([]Opening{{Hours: in.Store.Hours.String()}}, f.Rules.OtherHours...) {
		add(regexp.MustCompile(`\d\d:\d\d`).FindAllString(hours.Hours, -1)...)
	}
	seal, spool, list, epsilon := in.Store.SealAfter, time.Duration(0), time.Duration(0), in.Store.ReturnEpsilon
	inside, floor, known, online, closed := 0, 0, 0, 0, 0
	for _, s := range in.Sensors {
		if s.Online {
			online++
		}
		if s.Online && len(s.FailClosed) > 0 {
			closed++
		}
		if s.KnowsSettings {
			known++
			seal, spool, list, epsilon = max(seal, s.SealAfter), max(spool, s.SpoolIDAge), max(list, s.OptOutMaxAge), max(epsilon, s.ReturnEpsilon)
			inside, floor = min(inside, s.InsideDBM), min(floor, s.FloorDBM)
		}
	}
	if known < len(in.Store.Sensors) {
		spool, list = max(spool, agent.DefaultIDAge), max(list, agent.OptOutMaxAge)
		inside, floor = min(inside, agent.DefaultRSSIInside), min(floor, agent.DefaultRSSIFloor)
	}
	day := in.Store.Calendar.LongestDay(in.Store.Calendar.DayOf(in.Now))
	life := lifetime.Of(seal, spool, day)
	for _, d := range []time.Duration{seal, spool, list, life.Online, life.Longest, agent.SessionTimeout, agent.TransientMemory, calendar.ClassBlock, 13 * time.Hour} {
		span(d)
	}
	add("04:00", (time.Time{}).Add(4*time.Hour+seal).Format("15:04"), whole(int64(inside)), whole(int64(floor)))
	add(whole(int64(online)), whole(int64(known)), whole(int64(closed)), whole(int64(len(in.Store.Sensors))))
	returns := int64(math.Ceil(lifetime.Returns(seal, day).Hours())) // said in days and hours
	add("5", "10", "2000", "28", "56", "64", "30", whole(returns/24), whole(returns%24))
	separators := strings.NewReplacer(".", ",")
	if lang == "en" {
		separators = strings.NewReplacer()
	}
	add(separators.Replace(strconv.FormatFloat(epsilon, 'f', -1, 64)), separators.Replace(strconv.FormatFloat(math.Ceil(math.Exp(epsilon)*10)/10, 'f', -1, 64)))
	if in.Registrations > 0 {
		add(grouped(1<<28/in.Registrations, lang))
	}
	return out
}

// grouped is a number cut down to two digits that count.
func grouped(n int, lang string) string {
	digits := []byte(strconv.Itoa(n))
	for i := 2; i < len(digits); i++ {
		digits[i] = '0'
	}
	text := string(digits)
	if len(text) > 4 {
		for i := len(text) - 3; i > 0; i -= 3 {
			text = text[:i] + map[string]string{"en": ",", "de": "."}[lang] + text[i:]
		}
	}
	return text
}

var number = regexp.MustCompile(`-?\d+(?:[.,:]\d+)*`)

func TestEveryNumberOfANoticeIsOneOfTheFacts(t *testing.T) {
	for i, in := range configurations(100, 2) {
		f := Gather(in)
		for _, lang := range Languages() {
			text := document(t, f, lang).Text(1000)
			can := allowed(in, f, lang)
			for _, n := range number.FindAllString(text, -1) {
				if !can[n] {
					t.Errorf("configuration %d, %s: %s is no fact of\n%+v\n%s", i, lang, n, in, text)
				}
			}
			if t.Failed() {
				return
			}
		}
	}
}

func TestTheLifeOfACodeIsTheComputedOne(t *testing.T) {
	for i, in := range configurations(200, 3) {
		f := Gather(in)
		day := in.Store.Calendar.LongestDay(in.Store.Calendar.DayOf(in.Now))
		life := lifetime.Of(time.Duration(f.Rules.SealAfter), time.Duration(f.Rules.SpoolIDAge), day)
		codes, _ := document(t, f, "en").Section("codes")
		text := strings.Join(codes.Paragraphs, " ")
		if f.Rules.Policy == CountOnly {
			if strings.Contains(text, " hour") || f.Rules.LongestLife != 0 {
				t.Errorf("configuration %d: a store that only counts tells of codes: %s", i, text)
			}
			continue
		}
		for _, d := range []time.Duration{life.Online, life.Longest} {
			hours := fmt.Sprintf("%d hours and %d minute", d/time.Hour, d%time.Hour/time.Minute)
			if d%time.Hour == 0 {
				hours = fmt.Sprintf("%d hours", d/time.Hour)
			}
			if !strings.Contains(text, hours) {
				t.Errorf("configuration %d: nothing about %s in %s", i, hours, text)
			}
		}
	}
}

// TestEveryFactChangesTheNotice changes one fact at a time: in some store the notice says so, in every language.
func TestEveryFactChangesTheNotice(t *testing.T) {
	parts := map[string]func(*Facts) reflect.Value{
		"rules": func(f *Facts) reflect.Value { return reflect.ValueOf(&f.Rules).Elem() },
		"now":   func(f *Facts) reflect.Value { return reflect.ValueOf(&f.Now).Elem() },
	}
	for part, of := range parts {
		for _, field := range reflect.VisibleFields(of(&Facts{}).Type()) {
			for _, lang := range Languages() {
				said := false
				for _, f := range corners(t) {
					before := document(t, f, lang)
					changed := of(&f).FieldByIndex(field.Index)
					changed.Set(another(changed))
					said = said || !reflect.DeepEqual(document(t, f, lang), before)
				}
				if !said {
					t.Errorf("%s, %s: the notice does not change with it", lang, part+"."+field.Name)
				}
			}
		}
	}
}

// TestEverySettingChangesTheNotice changes one setting at a time, at its source.
func TestEverySettingChangesTheNotice(t *testing.T) {
	for name, row := range map[string]struct {
		change  func(*Input)
		rules   bool // a new version
		without []string
	}{
		"another store's seal": {func(in *Input) { in.ChainSealAfter = 6 * time.Hour }, true, []string{CountOnly}},
		"another store's day":  {func(in *Input) { in.ChainLongestDay = 26 * time.Hour }, true, []string{CountOnly}},
		"policy":               {func(in *Input) { in.Store.Policy = wire.Policy_POLICY_EXTENDED }, true, []string{Extended}},
		"a sensor's policy":    {func(in *Input) { in.Sensors[1].Policy = wire.Policy_POLICY_EXTENDED }, true, []string{Extended}},
		"legal basis":          {func(in *Input) { in.LegalBasis = "another" }, true, []string{CountOnly, Standard}},
		"hours":                {func(in *Input) { in.Store.Hours = stores.Hours{} }, true, nil},
		"a sensor's hours":     {func(in *Input) { in.Sensors[0].Hours = "always open" }, true, nil},
		"a sensor's zone":      {func(in *Input) { in.Sensors[0].TimeZone = "UTC" }, true, nil},
		"time zone":            {func(in *Input) { in.Store.Calendar = calendarOf("Asia/Tokyo") }, true, nil},
		"seal_after":           {func(in *Input) { in.Store.SealAfter = 5 * time.Hour }, true, []string{CountOnly}},
		"a sensor's seal":      {func(in *Input) { in.Sensors[0].SealAfter = 6 * time.Hour }, true, []string{CountOnly}},
		"spool_id_age":         {func(in *Input) { in.Sensors[1].SpoolIDAge = 7 * time.Hour }, true, []string{CountOnly}},
		"optout_max_age":       {func(in *Input) { in.Sensors[1].OptOutMaxAge = 49 * time.Hour }, true, nil},
		"rssi_inside":          {func(in *Input) { in.Sensors[1].InsideDBM = -75 }, true, nil},
		"rssi_floor":           {func(in *Input) { in.Sensors[1].FloorDBM = -92 }, true, nil},
		"return_epsilon":       {func(in *Input) { in.Store.ReturnEpsilon = 2.5 }, true, []string{CountOnly, Extended}},
		"a sensor's epsilon":   {func(in *Input) { in.Sensors[0].ReturnEpsilon = 2.5 }, true, []string{CountOnly, Extended}},
		"name":                 {func(in *Input) { in.Store.Name = "Other" }, true, nil},
		"controller":           {func(in *Input) { in.Org.Controller = "Other" }, true, nil},
		"contact":              {func(in *Input) { in.Org.Contact = "other@example.org" }, true, nil},
		"url":                  {func(in *Input) { in.Org.URL = "https://other.example.org" }, true, nil},
		"one computer":         {func(in *Input) { in.Embedded = true }, true, nil},
		"not asked":            {func(in *Input) { in.Asked, in.Sensors = false, nil }, false, nil},
		"registrations":        {func(in *Input) { in.Registrations = 2000 }, false, nil},
		"none registered":      {func(in *Input) { in.Registrations = 0 }, false, nil},
		"later":                {func(in *Input) { in.Now = in.Now.Add(time.Hour) }, false, nil},
		"closed":               {func(in *Input) { in.Now = in.Now.Add(12 * time.Hour) }, false, nil},
		"a sensor offline":     {func(in *Input) { in.Sensors[0].Online = false }, false, nil},
		"both offline":         {func(in *Input) { in.Sensors[0].Online, in.Sensors[1].Online = false, false }, false, nil},
		"fails closed":         {func(in *Input) { in.Sensors[0].FailClosed = []string{"clock_jumped"} }, false, nil},
		"settings not known":   {func(in *Input) { in.Sensors[0].KnowsSettings = false }, false, nil},
	} {
		for _, policy := range []string{CountOnly, Standard, Extended} {
			before, in := Gather(base(policy)), base(policy)
			row.change(&in)
			after := Gather(in)
			if got, want := after.Rules.Digest() != before.Rules.Digest(), row.rules && !slices.Contains(row.without, policy); got != want {
				t.Errorf("%s in a %s store: new rules: got %v, want %v", name, policy, got, want)
			}
			if slices.Contains(row.without, policy) {
				continue
			}
			for _, lang := range Languages() {
				if reflect.DeepEqual(document(t, before, lang), document(t, after, lang)) {
					t.Errorf("%s in a %s store, %s: the notice does not change with it", name, policy, lang)
				}
			}
		}
	}
}
