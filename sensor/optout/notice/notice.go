// Package notice makes the privacy notice of one store, in plain words, from what really runs. What comes in are the store's
// settings and what its sensors report that they enforce (Gather); what goes out is a document in a language (Facts.Document),
// and, kept in a folder, its versions with what changed and when (History). It may know no address, no tag and no receipt. Its
// texts are files, text/LANGUAGE.yaml; every number in a document is a fact, and none stands in a text.
package notice

import (
	"strings"
	"unicode/utf8"
)

// Document is a notice in one language. It is plain text: who shows it as HTML escapes it.
type Document struct {
	Lang     string    `json:"lang"` // as in Languages
	Title    string    `json:"title"`
	Summary  string    `json:"summary"`
	Sections []Section `json:"sections"`
}

// Section is a part of a document under a heading of its own.
type Section struct {
	ID         string   `json:"id"` // the same in every language; fit for an HTML id
	Heading    string   `json:"heading"`
	Paragraphs []string `json:"paragraphs,omitempty"`
	Items      []string `json:"items,omitempty"` // a list that follows the paragraphs
}

// Section is the section with the id; false where the document has none.
func (d Document) Section(id string) (Section, bool) {
	for _, s := range d.Sections {
		if s.ID == id {
			return s, true
		}
	}
	return Section{}, false
}

// Text is the document for a terminal or a plain file, in lines of at most width characters, words never cut. Less than 20 is
// taken as 20.
func (d Document) Text(width int) string {
	var b strings.Builder
	width = max(width, 20)
	wrap(&b, d.Title, "", "", width)
	b.WriteByte('\n')
	wrap(&b, d.Summary, "", "", width)
	for _, s := range d.Sections {
		b.WriteByte('\n')
		wrap(&b, s.Heading, "", "", width)
		for _, p := range s.Paragraphs {
			wrap(&b, p, "  ", "  ", width)
		}
		for _, item := range s.Items {
			wrap(&b, item, "  - ", "    ", width)
		}
	}
	return b.String()
}

// wrap writes a text in lines, the first after one indent and the others after another.
func wrap(b *strings.Builder, text, first, next string, width int) {
	used, begun := 0, false
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case !begun:
			b.WriteString(first)
			used, begun = len(first), true
		case used+1+n > width:
			b.WriteString("\n" + next)
			used = len(next)
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	if begun {
		b.WriteByte('\n')
	}
}
