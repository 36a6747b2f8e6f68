package page

import (
	"context"
	"net/url"
	"slices"
)

// Data is a panel's answer for a program that was asked who it is.
type Data struct {
	Kind string // Content-Type
	File string // name to save it under; empty: it is JSON
	Body []byte
	Rows int
}

// PanelParameters are the parameters of a panel's rows.
func PanelParameters() []string { return []string{"store", "range", "from", "to"} }

// Read is what the page answers for a panel's rows, of those stores that may be read. An error that has the method HTTPStatus is for
// whoever asked; others are for the log.
func (p *Page) Read(ctx context.Context, panel string, asCSV bool, q url.Values, may func(store string) bool) (Data, error) {
	one, ok := p.panels[panel]
	if !ok {
		return Data{}, noPanel()
	}
	among := slices.DeleteFunc(slices.Clone(p.stores), func(s place) bool { return !may(s.ID) })
	return p.panelData(ctx, one, asCSV, q, among)
}
