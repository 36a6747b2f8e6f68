package optout

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// defaultLanguage is spoken to those whose browser names no language that there is.
const defaultLanguage = "en"

//go:embed text/*.yaml
var textFiles embed.FS

// words are what the pages say in one language: a sentence by its key, with {name} where something is put in. A further language
// is a further file in text/.
type words struct {
	lang string
	text map[string]string
}

// readWords reads every language there is. The error says which keys a language lacks.
func readWords(files fs.FS) (map[string]*words, []string, error) {
	names, err := fs.Glob(files, "text/*.yaml")
	if err != nil || len(names) == 0 {
		return nil, nil, fmt.Errorf("read what the opt-out pages say: there is no language: %w", errors.Join(err, fs.ErrNotExist))
	}
	all := map[string]*words{}
	var langs []string
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, nil, fmt.Errorf("read what the opt-out pages say: %w", err)
		}
		w := &words{lang: strings.TrimSuffix(path.Base(name), ".yaml")}
		if err := yaml.Unmarshal(raw, &w.text); err != nil {
			return nil, nil, fmt.Errorf("read what the opt-out pages say, %s: %w", path.Base(name), err)
		}
		all[w.lang], langs = w, append(langs, w.lang)
	}
	if all[defaultLanguage] == nil {
		return nil, nil, fmt.Errorf("read what the opt-out pages say: %s.yaml is missing", defaultLanguage)
	}
	slices.SortFunc(langs, func(a, b string) int { // the default first
		return strings.Compare(strings.TrimPrefix(a, defaultLanguage), strings.TrimPrefix(b, defaultLanguage))
	})
	return all, langs, sameKeys(all)
}

func sameKeys(all map[string]*words) error {
	var errs []error
	for _, a := range all {
		for _, b := range all {
			for _, key := range slices.Sorted(maps.Keys(a.text)) {
				if b.text[key] == "" {
					errs = append(errs, fmt.Errorf("%s.yaml has no %q, which %s.yaml has", b.lang, key, a.lang))
				} else if !slices.Equal(holes(a.text[key]), holes(b.text[key])) {
					errs = append(errs, fmt.Errorf("%q is not given the same in %s.yaml and %s.yaml", key, a.lang, b.lang))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// holes are the names in braces of a sentence, sorted, each once.
func holes(sentence string) (names []string) {
	for rest := sentence; ; {
		_, after, ok := strings.Cut(rest, "{")
		if !ok {
			slices.Sort(names)
			return slices.Compact(names)
		}
		var name string
		name, rest, _ = strings.Cut(after, "}")
		names = append(names, name)
	}
}

// say is the sentence of a key. The rest are names and what is put in for them.
func (w *words) say(key string, pairs ...any) (string, error) {
	text, ok := w.text[key]
	if !ok {
		return "", fmt.Errorf("the opt-out pages have no sentence %q in %s", key, w.lang)
	}
	if len(pairs) == 0 {
		return strings.TrimSpace(text), nil
	}
	var oldnew []string
	for i := 0; i+1 < len(pairs); i += 2 {
		oldnew = append(oldnew, fmt.Sprintf("{%v}", pairs[i]), fmt.Sprint(pairs[i+1]))
	}
	return strings.TrimSpace(strings.NewReplacer(oldnew...).Replace(text)), nil
}

// lines is a text whose lines stand for themselves: the items of a list.
func (w *words) lines(key string, pairs ...any) ([]string, error) {
	text, err := w.say(key, pairs...)
	return strings.Split(text, "\n"), err
}

// day writes a date out, in UTC as it is kept.
func (w *words) day(t time.Time) (string, error) {
	t = t.UTC()
	months, err := w.lines("months")
	if err != nil {
		return "", err
	}
	return w.say("date", "day", t.Day(), "month", months[(int(t.Month())-1)%len(months)], "year", t.Year())
}

// span writes a time out in the unit that suits it: minutes, hours up to three days, then days; rounded up.
func (w *words) span(d time.Duration) (string, error) {
	up := func(unit time.Duration) int { return int((d + unit - 1) / unit) }
	switch {
	case d <= time.Minute:
		return w.say("span.minute")
	case d < 2*time.Hour:
		return w.say("span.minutes", "n", up(time.Minute))
	case d <= 72*time.Hour:
		return w.say("span.hours", "n", up(time.Hour))
	}
	return w.say("span.days", "n", up(24*time.Hour))
}

// preferred is the language among langs that an Accept-Language header likes best, or the first. At equal weight the header's
// order counts.
func preferred(header string, langs []string) string {
	best, weight := langs[0], 0.0
	for i, part := range strings.Split(header, ",") {
		if i == 20 {
			break
		}
		tag, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		w := 1.0
		if value, ok := strings.CutPrefix(strings.TrimSpace(q), "q="); ok {
			var err error
			if w, err = strconv.ParseFloat(value, 64); err != nil || !(w >= 0 && w <= 1) {
				continue
			}
		}
		base, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if w > weight && slices.Contains(langs, base) {
			best, weight = base, w
		}
	}
	return best
}
