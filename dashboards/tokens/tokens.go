// Package tokens says who may read the published numbers over HTTP, and who may bring some. In come a file of tokens and requests; out
// goes the token that a request carries, or why it may not. A token is a random word that is shown once: the file holds its SHA-256, a
// name, a role, stores and the day on which it ends.
package tokens

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// Role is what a token is for.
type Role string

// The roles. Each may do what stands here and nothing of the others.
const (
	Manager  Role = "manager"  // reads the visits of its stores
	Office   Role = "office"   // reads everything that is published, of all stores
	Operator Role = "operator" // reads how sensors do and how old things are; no counts of visits
	Import   Role = "import"   // brings transactions and annotations; reads nothing
)

// Roles are all of them.
func Roles() []Role { return []Role{Manager, Office, Operator, Import} }

// Token is one of those that were given out.
type Token struct {
	Name    string   `yaml:"name"`             // of whoever has it; no two are alike
	Role    Role     `yaml:"role"`             //
	Stores  []string `yaml:"stores,omitempty"` // its stores; none: all of them, which a manager's never is
	Made    string   `yaml:"made"`             // date, UTC
	Expires string   `yaml:"expires"`          // date; at its midnight, UTC, the token ends
	SHA256  string   `yaml:"sha256"`           // of the token, in hexadecimal digits
}

// Prefix is what every token begins with, so that one that was left lying about is recognised.
const Prefix = "ff_"

const (
	randomBytes = 20 // 160 bits
	longestName = 80 // characters
)

var (
	storePattern  = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`) // as in stores.yaml
	secretPattern = regexp.MustCompile(`^ff_[a-z2-7]{32}$`)
	likeSecret    = regexp.MustCompile(`(?i)ff_[a-z2-7]{20}`) // a whole token, or most of one
)

// New draws a token. The secret is to be shown once; the SHA-256 of it, in hexadecimal digits, is what is kept.
func New(random io.Reader) (secret, sum string, err error) {
	raw := make([]byte, randomBytes)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", "", fmt.Errorf("draw a token: %w", err)
	}
	secret = Prefix + strings.ToLower(base32.StdEncoding.EncodeToString(raw))
	return secret, sumOf(secret), nil
}

func sumOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// May reports whether the token is about a store. An empty name stands for all stores at once.
func (t *Token) May(store string) bool {
	return len(t.Stores) == 0 || slices.Contains(t.Stores, store)
}

// Expired reports whether the token has ended.
func (t *Token) Expired(now time.Time) bool {
	end, err := calendar.ParseDay(t.Expires)
	return err != nil || !now.Before(end.Date())
}

// check says everything that is wrong with the token.
func (t *Token) check() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if t.Name == "" || strings.TrimSpace(t.Name) != t.Name || utf8.RuneCountInString(t.Name) > longestName || strings.ContainsFunc(t.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		wrong("its name is not 1 to %d letters, digits and signs: write who has the token", longestName)
	}
	if likeSecret.MatchString(t.Name) {
		wrong("its name is a token: give it another name, and make another token")
	}
	if !slices.Contains(Roles(), t.Role) {
		wrong("there is no role %q: write one of %s", t.Role, roleWords())
	}
	if t.Role == Manager && len(t.Stores) == 0 {
		wrong("a manager's token is of one store or more: name them, or make it an office's")
	}
	if t.Role == Office && len(t.Stores) > 0 {
		wrong("an office's token is of all stores: name none, or make it a manager's")
	}
	for i, s := range t.Stores {
		if !storePattern.MatchString(s) || slices.Contains(t.Stores[:i], s) {
			wrong("%q is no store, or there twice: write stores as stores.yaml does", s)
		}
	}
	for what, date := range map[string]string{"made": t.Made, "expires": t.Expires} {
		if d, err := calendar.ParseDay(date); err != nil || d.Date().Year() < 2020 || d.Date().Year() > 2120 {
			wrong("%s: %q is no date: write it as 2027-01-01", what, date)
		}
	}
	if raw, err := hex.DecodeString(t.SHA256); err != nil || len(raw) != sha256.Size || strings.ToLower(t.SHA256) != t.SHA256 {
		wrong("sha256 is not 64 hexadecimal digits: make another token with footfall token make")
	}
	return errors.Join(errs...)
}

func roleWords() string {
	var out []string
	for _, r := range Roles() {
		out = append(out, string(r))
	}
	return strings.Join(out, ", ")
}
