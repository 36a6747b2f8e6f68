package notice

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"text/template"
	"unicode"
	"unicode/utf8"
)

func mustTexts(t testing.TB, lang string) *texts {
	t.Helper()
	x, err := loadTexts(embedded, lang)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func document(t testing.TB, f Facts, lang string) Document {
	t.Helper()
	d, err := f.Document(lang)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var placeholder = regexp.MustCompile(`{{[^}]*}}`)

func placeholders(text string) []string {
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// differences are what a language's keys and placeholders have otherwise than English.
func differences(english, other map[string]string) []string {
	var out []string
	for key, text := range english {
		theirs, ok := other[key]
		switch {
		case !ok:
			out = append(out, key+" is missing")
		case strings.TrimSpace(theirs) == "" || !utf8.ValidString(theirs):
			out = append(out, key+" is no text")
		case !slices.Equal(placeholders(text), placeholders(theirs)):
			out = append(out, key+" has other placeholders")
		}
	}
	for key := range other {
		if _, ok := english[key]; !ok {
			out = append(out, key+" is one too many")
		}
	}
	slices.Sort(out)
	return out
}

func TestEveryLanguageHasTheSameKeysAndPlaceholders(t *testing.T) {
	if got := Languages(); !slices.Contains(got, "en") || !slices.Contains(got, "de") {
		t.Fatalf("got the languages %v, want en and de among them", got)
	}
	english := mustTexts(t, "en").raw
	for _, lang := range Languages() {
		for _, d := range differences(english, mustTexts(t, lang).raw) {
			t.Errorf("%s: %s", lang, d)
		}
	}
	broken := map[string]string{"contact": "Wen {{.Name}}", "too.many": "x"}
	got := differences(map[string]string{"contact": "Whom", "title": "For {{.Name}}"}, broken)
	if want := []string{"contact has other placeholders", "title is missing", "too.many is one too many"}; !slices.Equal(got, want) {
		t.Errorf("the check itself: got %q, want %q", got, want)
	}
}

func TestEveryTextIsATemplate(t *testing.T) {
	for _, lang := range Languages() {
		for key, text := range mustTexts(t, lang).raw {
			if _, err := template.New(key).Parse(text); err != nil {
				t.Errorf("%s: %v", lang, err)
			}
		}
	}
}

// TestNoNumberStandsInATextFile is half of the truth: every number in a notice comes from the facts.
func TestNoNumberStandsInATextFile(t *testing.T) {
	for _, lang := range Languages() {
		for key, text := range mustTexts(t, lang).raw {
			if key != "format.moment" && strings.ContainsFunc(placeholder.ReplaceAllString(text, ""), unicode.IsDigit) {
				t.Errorf("%s: %s has a number: make it a fact: %q", lang, key, text)
			}
		}
	}
}

func TestNoTextIsUnused(t *testing.T) {
	for _, lang := range Languages() {
		x := mustTexts(t, lang)
		unused := map[string]bool{}
		for key := range x.raw {
			unused[key] = true
		}
		delete(unused, "format.language") // for who offers a choice
		x.used = func(key string) { delete(unused, key) }
		said := func(f Facts) {
			if _, err := f.documentIn(x); err != nil {
				t.Fatal(err)
			}
		}
		for _, in := range configurations(120, 1) {
			said(Gather(in))
		}
		for _, f := range corners(t) {
			said(f)
		}
		s := &speaker{texts: x}
		for _, field := range ruleFields() {
			s.word("field." + field.name)
			s.value(field.name, field.value)
		}
		for _, value := range []any{true, false, 0, -70} {
			s.value("inside_dbm", value)
		}
		if s.err != nil {
			t.Fatal(s.err)
		}
		for key := range unused {
			t.Errorf("%s: %s is never said", lang, key)
		}
	}
}

// documentFrom is Document with other files.
func (f Facts) documentFrom(files fs.FS, lang string) (Document, error) {
	t, err := loadTexts(files, lang)
	if err != nil {
		return Document{}, err
	}
	return f.documentIn(t)
}

func TestALanguageIsAFile(t *testing.T) {
	files := fstest.MapFS{}
	for _, name := range []string{"en", "de"} {
		raw, err := fs.ReadFile(embedded, "text/"+name+".yaml")
		if err != nil {
			t.Fatal(err)
		}
		files["text/"+name+".yaml"] = &fstest.MapFile{Data: raw}
	}
	files["text/nl.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(string(files["text/en.yaml"].Data), "Privacy notice for", "Privacyverklaring van", 1))}
	if got, want := languagesOf(files), []string{"de", "en", "nl"}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	f := Gather(base("standard"))
	d, err := f.documentFrom(files, "nl")
	if err != nil || d.Title != "Privacyverklaring van Demo Street" || d.Lang != "nl" {
		t.Errorf("got %q in %q, %v", d.Title, d.Lang, err)
	}
	if _, err := f.Document("nl"); err == nil || !strings.Contains(err.Error(), "use de or en") {
		t.Errorf("a language without a file: got %v, want those that there are", err)
	}
	for name, text := range map[string]string{
		"no texts": "", "no YAML": "{", "a text missing": "title: x\n", "a placeholder that is none": "title: \"{{.Address}}\"\n", "a broken one": "title: \"{{\"\n",
	} {
		files["text/nl.yaml"] = &fstest.MapFile{Data: []byte(text)}
		if _, err := f.documentFrom(files, "nl"); err == nil || !strings.Contains(err.Error(), "nl") {
			t.Errorf("%s: got %v, want an error that names the language", name, err)
		}
	}
}

// syllables are those of an English word, roughly: groups of vowels, without a silent e.
func syllables(word string) int {
	n, before := 0, false
	word = strings.ToLower(word)
	for _, r := range word {
		vowel := strings.ContainsRune("aeiouy", r)
		if vowel && !before {
			n++
		}
		before = vowel
	}
	if strings.HasSuffix(word, "e") && !strings.HasSuffix(word, "le") && n > 1 {
		n--
	}
	return max(n, 1)
}

// readingEase is Flesch's: 206.835 - 1.015 words a sentence - 84.6 syllables a word. 60 to 70 is plain English.
func readingEase(d Document) float64 {
	text := d.Summary
	for _, s := range d.Sections {
		text += "\n" + s.Heading + ".\n" + strings.Join(s.Paragraphs, "\n") + "\n" + strings.Join(s.Items, ".\n")
	}
	sentences := len(regexp.MustCompile(`[.:!?](\s|$)`).FindAllString(text, -1))
	words := regexp.MustCompile(`[\p{L}'’]+`).FindAllString(text, -1)
	total := 0
	for _, w := range words {
		total += syllables(w)
	}
	return 206.835 - 1.015*float64(len(words))/float64(sentences) - 84.6*float64(total)/float64(len(words))
}

func TestTheEnglishIsPlain(t *testing.T) {
	for _, policy := range []string{CountOnly, Standard, Extended} {
		ease := readingEase(document(t, Gather(base(policy)), "en"))
		t.Logf("%s: reading ease %.1f", policy, ease)
		if ease < 60 {
			t.Errorf("%s: got a reading ease of %.1f, want at least 60", policy, ease)
		}
	}
	hard := Document{Summary: "Notwithstanding pseudonymisation, cryptographically authenticated identifiers necessitate proportionate organisational countermeasures."}
	if ease := readingEase(hard); ease > 0 {
		t.Errorf("the measure itself: got %.1f for a sentence that nobody reads, want less than 0", ease)
	}
}

func TestTextKeepsToItsWidth(t *testing.T) {
	for _, lang := range Languages() {
		d := document(t, Gather(base(Extended)), lang)
		for _, width := range []int{0, 20, 40, 80, 200} {
			text := d.Text(width)
			for line := range strings.Lines(text) {
				line = strings.TrimRight(line, "\n")
				if n := utf8.RuneCountInString(line); n > max(width, 20) && len(strings.Fields(line)) > 1 && strings.TrimLeft(line, " -") != strings.Fields(line)[len(strings.Fields(line))-1] {
					t.Errorf("%s: got %d characters in %q, want at most %d", lang, n, line, width)
				}
				if strings.TrimRight(line, " ") != line {
					t.Errorf("%s: got spaces at the end of %q", lang, line)
				}
			}
			got, want := strings.Fields(text), strings.Fields(d.Title+" "+d.Summary)
			if !slices.Equal(got[:len(want)], want) {
				t.Errorf("%s: got %q at the start, want the title and the summary", lang, got[:len(want)])
			}
		}
	}
}

func TestSectionsAreFound(t *testing.T) {
	d := document(t, Gather(base(Standard)), "en")
	for _, id := range []string{"now", "purpose", "heard", "radius", "hours", "codes", "kept", "returns", "where", "optout", "limits", "list", "accident", "contact"} {
		if s, ok := d.Section(id); !ok || s.Heading == "" || len(s.Paragraphs) == 0 {
			t.Errorf("%s: got %+v, %v, want a section with paragraphs", id, s, ok)
		}
	}
	if _, ok := d.Section("extended"); ok {
		t.Error("a standard store has a section on what extended keeps")
	}
	if got := document(t, Gather(base(Extended)), "en").Sections[0].ID; got != "extended" {
		t.Errorf("got %q first in an extended store's notice, want extended", got)
	}
}

// BenchmarkDocument is one view of a page.
func BenchmarkDocument(b *testing.B) {
	f := Gather(base(Extended))
	for b.Loop() {
		if _, err := f.Document("de"); err != nil {
			b.Fatal(err)
		}
	}
}
