package notice

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
)

// Org is who runs the stores: what shoppers are told of whom to turn to.
type Org struct {
	Controller string `yaml:"controller" json:"controller"` // who is responsible, as a name for people
	Contact    string `yaml:"contact" json:"contact"`       // how to reach them: a mail address, a telephone number, a street
	URL        string `yaml:"url" json:"url"`               // where the opt-out page is
}

// orgMax is how many characters each part of an Org may have: it has to fit on a door.
const orgMax = 200

// Check says everything that is wrong with it, each with what to write instead; nothing where it is good.
func (o Org) Check() []error {
	var errs []error
	for _, part := range []struct{ key, value, write string }{
		{"controller", o.Controller, "write the name of the company that is responsible for the counting"},
		{"contact", o.Contact, "write how shoppers reach it, such as a mail address"},
		{"url", o.URL, "write where the opt-out page is, such as https://optout.example.org/"},
	} {
		switch {
		case strings.TrimSpace(part.value) == "":
			errs = append(errs, fmt.Errorf("%s: it is missing: %s", part.key, part.write))
		case utf8.RuneCountInString(part.value) > orgMax:
			errs = append(errs, fmt.Errorf("%s: it is longer than %d characters: shorten it", part.key, orgMax))
		case strings.ContainsFunc(part.value, unicode.IsControl) || !utf8.ValidString(part.value):
			errs = append(errs, fmt.Errorf("%s: it is more than one line of text: %s", part.key, part.write))
		case part.key == "url" && !goodURL(part.value):
			errs = append(errs, fmt.Errorf("url: %q is not the address of a page: %s", part.value, part.write))
		case part.key == "url" && inTheClear(part.value):
			errs = append(errs, fmt.Errorf("url: %s would send shoppers, and their phones' addresses, across a network in the clear: write it with https://", part.value))
		}
	}
	return errs
}

func goodURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && !strings.ContainsAny(text, "?#")
}

// inTheClear reports whether a good URL leads to plain HTTP off this machine.
func inTheClear(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "http" && u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback()
}

// Input is what a notice is made from.
type Input struct {
	Store      stores.Store
	LegalBasis string // stores.Store.LegalBasis
	Org        Org
	Asked      bool     // whether anybody asked the sensors; where not, Sensors is empty
	Sensors    []Sensor // those that have reported
	// Registrations are those in force, -1 where that is not known. Distinct tags would say whether an address was listed already:
	// who registers it sees them stand still.
	Registrations int
	Now           time.Time // the moment for which the notice is true
	Embedded      bool      // everything but the sensors runs in one process on one computer

	// What lifetime.Chain says of all stores of stores.yaml: the topic that they share is truncated where the last of them has
	// sealed. Zero: there is no other store.
	ChainSealAfter, ChainLongestDay time.Duration
}

// Sensor is what one sensor reports of itself. Its settings count only where KnowsSettings.
type Sensor struct {
	ID, Zone      string
	Online        bool
	Policy        wire.Policy
	FailClosed    []string // why only counters leave it now, as in wire.Heartbeat.FailClosed
	KnowsSettings bool
	SpoolIDAge    time.Duration
	OptOutMaxAge  time.Duration
	SealAfter     time.Duration
	InsideDBM     int
	FloorDBM      int
	Hours         string // as stores.Hours.String writes them
	TimeZone      string
	ReturnEpsilon float64
}
