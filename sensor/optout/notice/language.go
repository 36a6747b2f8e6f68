package notice

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"text/template"

	"go.yaml.in/yaml/v3"
)

// The texts, one file a language. A new language is a new file with the keys and placeholders of the others.
//
//go:embed text/*.yaml
var embedded embed.FS

// spoken are the embedded texts, read once: they never change, and reading them takes longer than all else of a page.
var spoken = sync.OnceValues(func() (map[string]*texts, error) {
	all := map[string]*texts{}
	for _, lang := range Languages() {
		t, err := loadTexts(embedded, lang)
		if err != nil {
			return nil, err
		}
		all[lang] = t
	}
	return all, nil
})

// textsOf are the embedded texts of a language.
func textsOf(lang string) (*texts, error) {
	all, err := spoken()
	if err != nil {
		return nil, err
	}
	if t, ok := all[lang]; ok {
		return t, nil
	}
	return nil, noLanguage(lang, Languages())
}

func noLanguage(lang string, known []string) error {
	return fmt.Errorf("there is no notice in the language %q: use %s", lang, strings.Join(known, " or "))
}

// texts are the sentences of one language, by their keys.
type texts struct {
	lang string
	raw  map[string]string
	used func(key string) // for tests; may be nil
}

// Languages are those that a notice can be made in, by their codes, in order.
func Languages() []string { return languagesOf(embedded) }

func languagesOf(files fs.FS) []string {
	names, err := fs.Glob(files, "text/*.yaml")
	if err != nil {
		return nil // the pattern is a good one
	}
	for i, name := range names {
		names[i] = strings.TrimSuffix(path.Base(name), ".yaml")
	}
	slices.Sort(names)
	return names
}

func loadTexts(files fs.FS, lang string) (*texts, error) {
	known := languagesOf(files)
	if !slices.Contains(known, lang) {
		return nil, noLanguage(lang, known)
	}
	raw, err := fs.ReadFile(files, "text/"+lang+".yaml")
	if err != nil {
		return nil, fmt.Errorf("read the texts of %s: %w", lang, err)
	}
	t := &texts{lang: lang}
	if err := yaml.Unmarshal(raw, &t.raw); err != nil {
		return nil, fmt.Errorf("read the texts of %s: %w", lang, err)
	}
	return t, nil
}

// text is a text without placeholders.
func (t *texts) text(key string) (string, error) {
	text, ok := t.raw[key]
	if !ok {
		return "", fmt.Errorf("the texts of %s have no %q", t.lang, key)
	}
	if t.used != nil {
		t.used(key)
	}
	return text, nil
}

// say is a text with its placeholders filled in from the fields of data.
func (t *texts) say(key string, data any) (string, error) {
	text, err := t.text(key)
	if err != nil {
		return "", err
	}
	sentence, err := template.New(key).Option("missingkey=error").Parse(text)
	if err != nil {
		return "", fmt.Errorf("the texts of %s: %w", t.lang, err)
	}
	var b strings.Builder
	if err := sentence.Execute(&b, data); err != nil {
		return "", fmt.Errorf("the texts of %s: %w", t.lang, err)
	}
	return b.String(), nil
}
