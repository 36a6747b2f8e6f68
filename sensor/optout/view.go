package optout

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/fleet"
)

//go:embed pages/*
var pageFiles embed.FS

// view is one page's template, with the frame around it.
type view struct{ t *template.Template }

// readViews reads pages/*.html: frame.html and parts.html belong to every page.
func readViews(files fs.FS) (map[string]*view, error) {
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("read the opt-out pages: %w", err)
	}
	views := map[string]*view{}
	for _, file := range names {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "frame" || name == "parts" {
			continue
		}
		t, err := template.New("frame.html").Option("missingkey=error").ParseFS(files, "pages/frame.html", "pages/parts.html", file)
		if err != nil {
			return nil, fmt.Errorf("read the opt-out page %s: %w", name, err)
		}
		views[name] = &view{t}
	}
	return views, nil
}

// page is what a template sees.
type page struct {
	*words
	Lang, Name string
	Title      string
	Error      bool   // the title begins by saying so
	Here       string // the page's path without its language, where it can be asked for in another one
	Langs      []string
	Names      map[string]string // of the languages, in themselves
	Assets     assets
	Controller string
	Contact    string
	Place      string // where a receipt is looked up
	DeskOpen   bool
	D          any // what only this page shows
}

// T is a sentence.
func (p page) T(key string, pairs ...any) (string, error) { return p.say(key, pairs...) }

// Lines is a list.
func (p page) Lines(key string, pairs ...any) ([]string, error) { return p.lines(key, pairs...) }

// Day is a date.
func (p page) Day(t time.Time) (string, error) { return p.day(t) }

// Span is a length of time.
func (p page) Span(d time.Duration) (string, error) { return p.span(d) }

// ContactIsMail says whether the contact can be a link to write to.
func (p page) ContactIsMail() bool {
	return strings.Count(p.Contact, "@") == 1 && !strings.ContainsAny(p.Contact, " ,;:/?<>")
}

// HeldDays is after how many days a registration that waits for review lapses.
func (p page) HeldDays() int { return int(broker.QuarantineRetention / (24 * time.Hour)) }

// ReportMinutes is how old a report of a sensor that is online may be.
func (p page) ReportMinutes() int { return int(fleet.OnlineWithin / time.Minute) }

// OtherLangs are the languages that this page is not in, each with its own name.
func (p page) OtherLangs() (others []string) {
	for _, l := range p.Langs {
		if l != p.Lang {
			others = append(others, l)
		}
	}
	return others
}

func (s *Service) page(w *words, a answer) page {
	return page{
		words: w, Lang: w.lang, Name: a.view, Title: a.title, Error: a.status >= 400, Here: a.here, Langs: s.langs, Assets: s.assets,
		Controller: s.o.Controller, Contact: s.o.Contact, Place: s.place(w.lang), DeskOpen: s.o.Desk, D: a.data,
	}
}

// place is where a receipt is looked up: the page itself, or, where the sign shows a short address that leads here, that address.
func (s *Service) place(lang string) string {
	if u, err := url.Parse(s.o.URL); err != nil || strings.Trim(u.Path, "/") != "" {
		return s.o.URL
	}
	return strings.TrimSuffix(s.o.URL, "/") + "/" + lang + "/check"
}

// maxPage is room for any page, so that a page is written in one buffer that can be overwritten afterwards.
const maxPage = 64 << 10

// render writes a page. Its title is the sentence view.title where the answer brings none.
func (s *Service) render(w *words, a answer) (*bytes.Buffer, error) {
	v, ok := s.pages[a.view]
	if !ok {
		return nil, fmt.Errorf("there is no page %s", a.view)
	}
	p := s.page(w, a)
	p.Names = map[string]string{}
	for lang, other := range s.words {
		p.Names[lang] = other.text["language.name"]
	}
	if p.Title == "" {
		var err error
		if p.Title, err = p.say(a.view + ".title"); err != nil {
			return nil, err
		}
	}
	out := bytes.NewBuffer(make([]byte, 0, maxPage))
	if err := v.t.Execute(out, p); err != nil {
		return nil, fmt.Errorf("write the page %s: %w", a.view, err)
	}
	return out, nil
}

// assets are the files that pages refer to. Version is in their paths, so that a browser may keep them for good.
type assets struct {
	Version string
	files   map[string]asset
}

type asset struct {
	kind string
	body []byte
}

func readAssets(files fs.FS) (assets, error) {
	a := assets{files: map[string]asset{}}
	sum := sha256.New()
	for name, kind := range map[string]string{
		"style.css": "text/css; charset=utf-8", "work.js": "text/javascript; charset=utf-8", "mark.svg": "image/svg+xml",
	} {
		body, err := fs.ReadFile(files, "pages/"+name)
		if err != nil {
			return assets{}, fmt.Errorf("read the opt-out pages' files: %w", err)
		}
		a.files[name] = asset{kind, body}
	}
	for _, name := range []string{"mark.svg", "style.css", "work.js"} {
		_, _ = sum.Write(a.files[name].body)
	}
	a.Version = hex.EncodeToString(sum.Sum(nil)[:6])
	return a, nil
}
