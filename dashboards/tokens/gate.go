package tokens

import (
	"crypto/subtle"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// lookEvery is how often it is looked, at most, whether the file has changed: so long a token lives after it was revoked.
const lookEvery = time.Second

// Options are what Open needs.
type Options struct {
	File   string           // may come later: until then nobody may anything
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: silent
}

// Tokens answers who asks. It is safe for concurrent use.
type Tokens struct {
	o Options

	mu     sync.Mutex
	looked time.Time
	seen   fs.FileInfo // nil: there was no file
	list   []Token
	bad    bool // the file cannot be read: nobody may anything
}

// Open reads the file. One that is there and wrong is an error now; later it is logged, and until it is right nobody may anything.
func Open(o Options) (*Tokens, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	t := &Tokens{o: o, looked: o.Now()}
	err := t.read()
	if Missing(err) {
		o.Logger.Info("there are no tokens yet, so nobody may read over the API: footfall token make makes one", "file", o.File)
		err = nil
	}
	return t, err
}

// read takes the file as it is.
func (t *Tokens) read() error {
	about, err := os.Stat(t.o.File)
	if err != nil {
		about = nil
	}
	list, err := Load(t.o.File)
	t.seen, t.list, t.bad = about, list.Tokens, err != nil && !Missing(err)
	return err
}

// current are the tokens that stand, read again where the file has changed.
func (t *Tokens) current(now time.Time) (list []Token, bad bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if wait := now.Sub(t.looked); wait >= 0 && wait < lookEvery {
		return t.list, t.bad
	}
	t.looked = now
	about, err := os.Stat(t.o.File)
	if err == nil && t.seen != nil && os.SameFile(about, t.seen) && about.ModTime().Equal(t.seen.ModTime()) && about.Size() == t.seen.Size() && about.Mode() == t.seen.Mode() {
		return t.list, t.bad
	}
	if err := t.read(); t.bad {
		t.o.Logger.Error("the file of tokens cannot be read, and nobody may read over the API until it can", "error", err)
	}
	return t.list, t.bad
}

// Denied is a request that may not be answered.
type Denied struct {
	Status int
	Detail string // what is wrong, and what to do
}

// Error is the sentence.
func (d *Denied) Error() string { return d.Detail }

const (
	needsToken = "This wants a token: send it as Authorization: Bearer " + Prefix + "..., and ask whoever runs Footfall for one (footfall token make)."
	wrongToken = "The token is unknown, revoked or has ended: ask whoever runs Footfall for another one (footfall token make)."
	inAddress  = "A token does not belong into an address, where logs and histories keep it: send it as Authorization: Bearer " + Prefix + "..., have the one that was sent revoked, and ask for another."
	notYours   = "The token is not for this store, or there is no such store: ask for one of your stores, or for another token."
	notAllowed = "The token's role does not allow this: ask whoever runs Footfall for a token with another role."
	someStores = "This is of all stores together, and the token is of some stores only: ask for what is of its stores, or ask whoever runs Footfall for a token of all stores (footfall token make: a manager's becomes an office's)."
	badFile    = "Nobody can be let in just now, because the file of tokens cannot be read: look at the log of footfall."
)

// Who is the token that a request carries. The error is a *Denied.
func (t *Tokens) Who(r *http.Request) (Token, error) {
	if inQuery(r.URL.RawQuery) {
		return Token{}, &Denied{http.StatusBadRequest, inAddress}
	}
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return Token{}, &Denied{http.StatusUnauthorized, needsToken}
	}
	scheme, secret, _ := strings.Cut(headers[0], " ")
	if len(headers) > 1 || !strings.EqualFold(scheme, "Bearer") || !secretPattern.MatchString(secret) {
		return Token{}, &Denied{http.StatusUnauthorized, wrongToken}
	}
	now := t.o.Now()
	list, bad := t.current(now)
	if bad {
		return Token{}, &Denied{http.StatusServiceUnavailable, badFile}
	}
	sum, found := []byte(sumOf(secret)), -1
	for i := range list { // all of them, so that the time says nothing
		if subtle.ConstantTimeCompare(sum, []byte(list[i].SHA256)) == 1 {
			found = i
		}
	}
	if found < 0 || list[found].Expired(now) {
		return Token{}, &Denied{http.StatusUnauthorized, wrongToken}
	}
	return list[found], nil
}

// Allow asks whether a request carries a token of a role, for a store; an empty store stands for all of them at once. The error is a
// *Denied, for Deny or an answer of the caller's own. It is the same whether a store exists or not.
func (t *Tokens) Allow(r *http.Request, role Role, store string) error {
	who, err := t.Who(r)
	if err != nil {
		return err
	}
	if who.Role != role {
		return &Denied{http.StatusForbidden, notAllowed}
	}
	return who.For(store)
}

// For asks whether the token is for a store; an empty name stands for all of them at once. The error is a *Denied, and the same whether
// the store exists or not.
func (t *Token) For(store string) error {
	switch {
	case t.May(store):
		return nil
	case store == "":
		return &Denied{http.StatusForbidden, someStores}
	}
	return &Denied{http.StatusForbidden, notYours}
}

// NotAllowed is the refusal of what the token's role does not allow.
func NotAllowed() error { return &Denied{http.StatusForbidden, notAllowed} }

// inQuery reports whether a token, or what looks like one, stands in the query.
func inQuery(raw string) bool {
	if likeSecret.MatchString(raw) {
		return true
	}
	q, _ := url.ParseQuery(raw) // what cannot be read is refused by whoever reads it
	for name, values := range q {
		name = strings.ToLower(strings.ReplaceAll(name, "-", "_"))
		if slices.Contains([]string{"token", "access_token", "api_token", "api_key", "apikey", "key", "bearer", "authorization", "auth"}, name) ||
			likeSecret.MatchString(name) || slices.ContainsFunc(values, likeSecret.MatchString) {
			return true
		}
	}
	return false
}

// Problem is an error's body as RFC 9457 has it. Every detail ends with what to do.
type Problem struct {
	Type   string `json:"type"` // about:blank: the status says it all
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// ProblemType is the Content-Type of a Problem.
const ProblemType = "application/problem+json"

// WriteProblem sends an error's status and body, with the headers that the status wants.
func WriteProblem(w http.ResponseWriter, status int, detail string) {
	h := w.Header()
	h.Set("Content-Type", ProblemType)
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="footfall"`)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "10")
	case http.StatusTooManyRequests:
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Problem{"about:blank", http.StatusText(status), status, detail}) // who asked is gone
}
