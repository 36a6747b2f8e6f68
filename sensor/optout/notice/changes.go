package notice

import (
	"reflect"
	"strings"
	"time"
)

// Change is one thing that a version of a notice states differently from the one before.
type Change struct {
	Version int       // that states it
	Date    time.Time // since when
	Field   string    // its name in the JSON of Rules
	words   map[string]Wording
}

// Wording is a change in one language.
type Wording struct{ Field, Before, After string }

// In is the change in a language of Languages.
func (c Change) In(lang string) Wording { return c.words[lang] }

// Changes are the differences between the versions of a notice, the newest first.
func Changes(past Past) ([]Change, error) {
	var out []Change
	for i := len(past.Versions) - 1; i > 0; i-- {
		changes, err := changesBetween(past.Versions[i-1], past.Versions[i])
		if err != nil {
			return nil, err
		}
		out = append(out, changes...)
	}
	return out, nil
}

func changesBetween(before, after Version) ([]Change, error) {
	var out []Change
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Rules]()) {
		a, b := reflect.ValueOf(before.Rules).FieldByIndex(field.Index), reflect.ValueOf(after.Rules).FieldByIndex(field.Index)
		if reflect.DeepEqual(a.Interface(), b.Interface()) {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		out = append(out, Change{Version: after.Number, Date: after.At, Field: name, words: map[string]Wording{}})
		for _, lang := range Languages() {
			t, err := textsOf(lang)
			if err != nil {
				return nil, err
			}
			s := &speaker{texts: t}
			out[len(out)-1].words[lang] = Wording{s.word("field." + name), s.value(name, a.Interface()), s.value(name, b.Interface())}
			if s.err != nil {
				return nil, s.err
			}
		}
	}
	return out, nil
}

// value is a field of Rules in words.
func (s *speaker) value(name string, value any) string {
	switch v := value.(type) {
	case bool:
		if v {
			return s.word("format.yes")
		}
		return s.word("format.no")
	case int:
		if v == 0 {
			return s.word("format.none")
		}
		if strings.HasSuffix(name, "_dbm") {
			return s.sentence("format.strength", map[string]int{"Number": v})
		}
		return s.number(int64(v))
	case float64:
		if v == 0 {
			return s.word("format.none")
		}
		return s.decimal(v)
	case Span:
		if v == 0 {
			return s.word("format.none")
		}
		return s.span(v)
	case []Opening:
		if len(v) == 0 {
			return s.word("format.none")
		}
		return strings.Join(s.otherHours(v), "; ")
	case string:
		return s.textValue(name, v)
	}
	return ""
}

func (s *speaker) textValue(name, text string) string {
	if text == "" {
		return s.word("format.none")
	}
	switch name {
	case "policy", "set_policy":
		return s.word("policy." + text)
	case "hours":
		return strings.Join(s.opening(text), "; ")
	case "keys_die":
		return s.clock(text)
	}
	return clean(text)
}
