// Package optout is the service with which a shopper has an address excluded, looks that up and undoes it, and the pages that say
// what is true about it. Addresses and receipts come in, in the bodies of POST requests; tags under hashes of receipts go to the
// registry. It sees an address for the length of one request, keeps none and can compute no id (DESIGN section 5): the opt-out
// key is all it has. It may not know sightings or visits, nor where a request came from.
package optout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/optout/guard"
)

// DefaultListen is where the service listens: on loopback, where it may speak plain HTTP.
const DefaultListen = "127.0.0.1:8480"

// Options say what the service works with. Tagger, Registry, Guard, Progress and Notices are needed, the rest has defaults.
type Options struct {
	Listen      string // host:port; empty is DefaultListen
	CertFile    string // PEM files of a certificate and its key; both or neither
	KeyFile     string
	BehindProxy bool // a proxy in front speaks TLS with shoppers: plain HTTP may leave loopback
	Connections int  // open at once, a half of the files that the process may open at most; 0 is DefaultConnections
	OnListen    func(net.Addr)

	Controller string // who is responsible, as the pages name them
	Contact    string // how to reach them: a mail address, or words
	URL        string // where shoppers find the service: what the sign's code and short address say
	Desk       bool   // the stores do have a desk that enters addresses for shoppers; the sign promises it only then

	Tagger   *keys.Tagger
	Registry Registry
	Guard    Guard
	Progress Progress
	Notices  Notices

	Count      func(what string) // called with one of Counted() when it was done; nil for nothing
	Random     io.Reader         // where receipts come from; nil is crypto/rand
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Registry keeps the registrations. Register, Hold and Undo return when the registry has them; after an error it does not.
type Registry interface {
	Ready() bool // it knows all registrations there are
	Register(ctx context.Context, key []byte, tag uint32) (version uint64, err error)
	Hold(ctx context.Context, key []byte, tag, burst uint32) error
	Undo(ctx context.Context, key []byte) (version uint64, err error)
	Look(key []byte) registry.Standing
}

// Guard judges a request before it may change or ask anything. It is told nothing of what is registered.
type Guard interface {
	Judge(r *http.Request, what guard.Kind, proof string) guard.Decision
}

// Progress says how far the sensors are with a version of the list, as they last said themselves.
type Progress func(version uint64) Enforcement

// Enforcement is how far the sensors are with a version of the list, as they last said themselves.
type Enforcement struct {
	Known     bool // false: what the sensors say cannot be read at the moment
	Sensors   int  // there are
	Online    int  // of those: were heard of within minutes
	Enforcing int  // of those online: work under this version or a newer one
	Stores    int
	Answered  int           // stores all of whose sensors that are online enforce it, one at least
	Oldest    time.Duration // age of the oldest list that any sensor works under; below 0: no sensor has one
}

// Counted lists what Options.Count is called with: what was done, and pages that were looked at: the service desk's, which anybody may
// open, and all others.
func Counted() []string {
	return []string{"register", "hold", "check", "undo", "view_public", "view_desk"}
}

// Service is the opt-out service. New checks its options, Run serves.
type Service struct {
	o       Options
	words   map[string]*words
	langs   []string // the first is the default
	pages   map[string]*view
	assets  assets
	handler http.Handler
	metrics serviceMetrics
}

// New checks the options and prepares the pages; nothing listens yet. The error lists all that is wrong.
func New(o Options) (*Service, error) {
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Count == nil {
		o.Count = func(string) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := errors.Join(o.missing(), errors.Join(o.Check()...), o.checkURL()); err != nil {
		return nil, err
	}
	s := &Service{o: o}
	var errs [4]error
	s.words, s.langs, errs[0] = readWords(textFiles)
	s.assets, errs[1] = readAssets(pageFiles)
	s.metrics, errs[2] = newServiceMetrics(o.Registerer)
	if errs[0] == nil {
		s.pages, errs[3] = readViews(pageFiles)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	s.handler = s.routes()
	return s, nil
}

// Handler serves the pages without listening: for tests, and for a server that has other pages too.
func (s *Service) Handler() http.Handler { return s.handler }

// Languages are those that the pages speak, the default first.
func (s *Service) Languages() []string { return append([]string(nil), s.langs...) }

func (o Options) missing() error {
	var errs []error
	for what, there := range map[string]bool{
		"opt-out key": o.Tagger != nil, "registry": o.Registry != nil, "guard": o.Guard != nil,
		"sensors' progress": o.Progress != nil, "notices": o.Notices != nil,
	} {
		if !there {
			errs = append(errs, fmt.Errorf("the opt-out service was given no %s: this is a bug of footfall, please report it", what))
		}
	}
	if o.Controller == "" {
		errs = append(errs, errors.New("controller is missing: write who is responsible for the counting, as shoppers know them"))
	}
	if o.Contact == "" {
		errs = append(errs, errors.New("contact is missing: write a mail address or a telephone number at which shoppers reach the controller"))
	}
	return errors.Join(errs...)
}

// Check says everything that is wrong with where and how the pages are to be served, each with what to write instead. It reads
// the certificate and creates nothing.
func (o Options) Check() []error {
	var errs []error
	for _, err := range []error{o.checkListen(), o.checkCertificate()} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

func (o Options) checkURL() error {
	u, err := url.Parse(o.URL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || strings.ContainsAny(o.URL, "?#") || len(o.URL) > 200 {
		return errors.New("url is not an address that a door sign can show: write it as https://optout.example.com")
	}
	if u.Scheme == "http" && !onLoopback(u.Hostname()) {
		return fmt.Errorf("url: the sign's code would send shoppers to %s, and their addresses across a network in the clear: write it with https://", o.URL)
	}
	return nil
}

func (o Options) checkListen() error {
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return fmt.Errorf("listen: %q is not host:port: write it as %s", o.Listen, DefaultListen)
	}
	if o.CertFile == "" && !o.BehindProxy && !onLoopback(host) {
		return fmt.Errorf("listen: shoppers' addresses may not cross a network in the clear, and %s is not on loopback: give a certificate and its key, or say that a proxy in front speaks TLS", o.Listen)
	}
	return nil
}

func (o Options) checkCertificate() error {
	if (o.CertFile == "") != (o.KeyFile == "") {
		return errors.New("a certificate and its key belong together: give both files, or neither")
	}
	if o.CertFile == "" {
		return nil
	}
	_, err := newCertificate(o.CertFile, o.KeyFile, o.Logger)
	return err
}

// onLoopback reports whether a host's name says that it is this machine.
func onLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }
