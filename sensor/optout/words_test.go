package optout

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/openfootfall/footfall/sensor/optout/notice"
)

func TestLanguagesSayTheSame(t *testing.T) {
	all, langs, err := readWords(textFiles)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"en", "de"}; !slices.Equal(langs, want) {
		t.Errorf("languages: got %v, want %v", langs, want)
	}
	for lang, w := range all {
		if months, err := w.lines("months"); err != nil || len(months) != 12 {
			t.Errorf("%s: got %d months, %v, want 12", lang, len(months), err)
		}
		if got := len(strings.Split(w.text["result.not"], "\n")); got != len(strings.Split(all["en"].text["result.not"], "\n")) {
			t.Errorf("%s: got %d lines in result.not, want as many as in English", lang, got)
		}
		for key, text := range w.text {
			if strings.Count(text, "{") != strings.Count(text, "}") {
				t.Errorf("%s: %q has a brace without its other", lang, key)
			}
			if strings.HasSuffix(text, " ") || strings.Contains(text, "  ") {
				t.Errorf("%s: %q has needless spaces", lang, key)
			}
			for _, phrase := range notice.Forbidden(text) {
				t.Errorf("%s: %q says %q, which is not so: %s", lang, key, phrase.Text, phrase.Why)
			}
		}
	}
}

var usedKey = regexp.MustCompile(`\b(?:T|Lines) \(?(?:print )?"([a-z0-9_.]+)"`)

// TestEverySentenceIsUsed: no page asks for a sentence that is missing, and no sentence is left over.
func TestEverySentenceIsUsed(t *testing.T) {
	all, _, err := readWords(textFiles)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{"language.name": true, "months": true, "date": true, "check.wrong": true}
	for _, unit := range []string{"minute", "minutes", "hours", "days"} {
		used["span."+unit] = true
	}
	for _, f := range []flaw{empty, tooShort, tooLong, character, letterO, group, zeros, ones, "hidden"} {
		used["mistake."+string(f)] = true
	}
	for _, r := range []result{notFound, wrongMethod, tooLarge, badForm, crossOrigin, refused, unavailable} {
		used["problem."+string(r)] = true
	}
	pages, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		raw, err := fs.ReadFile(pageFiles, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range usedKey.FindAllStringSubmatch(string(raw), -1) {
			used[m[1]] = true
		}
		used[strings.TrimSuffix(strings.TrimPrefix(page, "pages/"), ".html")+".title"] = true
		for _, phrase := range notice.Forbidden(string(raw)) {
			t.Errorf("%s says %q, which is not so: %s", page, phrase.Text, phrase.Why)
		}
	}
	for key := range all["en"].text {
		if !used[key] {
			t.Errorf("nothing uses the sentence %q", key)
		}
	}
	for key := range used {
		optional := key == "frame.title" || key == "parts.title" || key == "notice.title" || key == "problem."
		if all["en"].text[key] == "" && !optional {
			t.Errorf("the sentence %q is missing", key)
		}
	}
}

func TestALanguageIsAFile(t *testing.T) {
	files := func(change map[string]string) fstest.MapFS {
		out := fstest.MapFS{}
		for name, text := range map[string]string{"text/en.yaml": "a: A {n}\nb: B\n", "text/fr.yaml": "a: '{n} A'\nb: B\n"} {
			out[name] = &fstest.MapFile{Data: []byte(text)}
		}
		for name, text := range change {
			delete(out, name)
			if text != "" {
				out[name] = &fstest.MapFile{Data: []byte(text)}
			}
		}
		return out
	}
	for _, row := range []struct {
		name   string
		change map[string]string
		want   string
	}{
		{"another language", map[string]string{"text/it.yaml": "a: A {n}\nb: B\n"}, ""},
		{"a key too few", map[string]string{"text/it.yaml": "a: A {n}\n"}, `it.yaml has no "b"`},
		{"a key too many", map[string]string{"text/it.yaml": "a: A {n}\nb: B\nc: C\n"}, `en.yaml has no "c"`},
		{"another placeholder", map[string]string{"text/it.yaml": "a: A {m}\nb: B\n"}, `"a" is not given the same`},
		{"no English", map[string]string{"text/en.yaml": ""}, "en.yaml is missing"},
		{"no YAML", map[string]string{"text/it.yaml": "\t"}, "it.yaml"},
		{"nothing", map[string]string{"text/en.yaml": "", "text/fr.yaml": ""}, "there is no language"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, _, err := readWords(files(row.change))
			if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
}

func TestPreferred(t *testing.T) {
	langs := []string{"en", "de", "fr"}
	for _, row := range []struct{ name, header, want string }{
		{"nothing", "", "en"},
		{"one", "de", "de"},
		{"a region", "de-AT,de;q=0.9", "de"},
		{"in capitals", "DE-de", "de"},
		{"by weight", "en;q=0.5, fr;q=0.9, de;q=0.7", "fr"},
		{"the first of equals", "fr,de", "fr"},
		{"unknown ones are passed over", "sv, nl;q=0.9, de;q=0.1", "de"},
		{"weight 0 is a no", "de;q=0", "en"},
		{"garbage", ";;,q=,de;q=x,\xff", "en"},
		{"not a number", "de;q=NaN", "en"},
		{"anything", "*", "en"},
		{"too many", strings.Repeat("sv,", 30) + "de", "en"},
	} {
		if got := preferred(row.header, langs); got != row.want {
			t.Errorf("%s: got %s, want %s", row.name, got, row.want)
		}
	}
}

func TestSpansAndDays(t *testing.T) {
	all, _, err := readWords(textFiles)
	if err != nil {
		t.Fatal(err)
	}
	for d, want := range map[time.Duration]string{
		0: "a minute", time.Minute: "a minute", 61 * time.Second: "2 minutes", 119 * time.Minute: "119 minutes",
		2 * time.Hour: "2 hours", 35*time.Hour + 6*time.Minute: "36 hours", 72 * time.Hour: "72 hours", 28 * 24 * time.Hour: "28 days",
	} {
		if got, err := all["en"].span(d); got != want || err != nil {
			t.Errorf("%v: got %q, %v, want %q", d, got, err, want)
		}
	}
	day := time.Date(2026, 3, 9, 23, 30, 0, 0, time.UTC)
	for lang, want := range map[string]string{"en": "9 March 2026", "de": "9. März 2026"} {
		if got, err := all[lang].day(day); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", lang, got, err, want)
		}
	}
}
