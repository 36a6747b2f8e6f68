package tokens

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)

// made is a good token of a role, and its secret.
func made(t *testing.T, name string, role Role, stores ...string) (Token, string) {
	t.Helper()
	secret, sum, err := New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Token{Name: name, Role: role, Stores: stores, Made: "2026-03-01", Expires: "2027-01-01", SHA256: sum}, secret
}

func TestATokenIs160RandomBits(t *testing.T) {
	secret, sum, err := New(bytes.NewReader(make([]byte, 40)))
	if err != nil || secret != "ff_"+strings.Repeat("a", 32) || sum != sumOf(secret) {
		t.Errorf("got %s, %s, %v", secret, sum, err)
	}
	again, _, err := New(rand.Reader)
	if err != nil || again == secret || !secretPattern.MatchString(again) || strings.Contains(sum, secret) {
		t.Errorf("got %d characters, %v", len(again), err)
	}
	if _, _, err := New(bytes.NewReader(make([]byte, 19))); err == nil {
		t.Error("a token of too little randomness was made")
	}
}

func TestATokenEndsAtItsDatesMidnight(t *testing.T) {
	token, _ := made(t, "a", Office)
	for _, c := range []struct {
		name string
		now  time.Time
		want bool
	}{
		{"long before", noon, false},
		{"a second before", time.Date(2026, time.December, 31, 23, 59, 59, 0, time.UTC), false},
		{"at midnight", time.Date(2027, time.January, 1, 0, 0, 0, 0, time.UTC), true},
		{"after", time.Date(2028, time.January, 1, 0, 0, 0, 0, time.UTC), true},
		{"midnight elsewhere", time.Date(2027, time.January, 1, 0, 0, 0, 0, time.FixedZone("east", 3600)), false},
	} {
		if got := token.Expired(c.now); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	token.Expires = "never"
	if !token.Expired(noon) {
		t.Error("a token with a date that is none has not ended")
	}
}

func TestWhatNoListMayHold(t *testing.T) {
	good, secret := made(t, "quay manager", Manager, "quay", "far")
	for _, c := range []struct {
		name   string
		change func(*Token)
		says   string // nothing where it is good
	}{
		{"as it is", func(*Token) {}, ""},
		{"no name", func(t *Token) { t.Name = "" }, "who has the token"},
		{"a name of spaces", func(t *Token) { t.Name = " a" }, "who has the token"},
		{"a name over two lines", func(t *Token) { t.Name = "a\nb" }, "who has the token"},
		{"a long name", func(t *Token) { t.Name = strings.Repeat("ä", 81) }, "who has the token"},
		{"a name as long as may be", func(t *Token) { t.Name = strings.Repeat("ä", 80) }, ""},
		{"a token for a name", func(t *Token) { t.Name = strings.ToUpper(secret) }, "another name"},
		{"no such role", func(t *Token) { t.Role = "root" }, "manager, office, operator, import"},
		{"a manager of no store", func(t *Token) { t.Stores = nil }, "name them"},
		{"an office of one store", func(t *Token) { t.Role = Office }, "name none"},
		{"an operator of two stores", func(t *Token) { t.Role = Operator }, ""},
		{"an operator of all", func(t *Token) { t.Role, t.Stores = Operator, nil }, ""},
		{"an import of all", func(t *Token) { t.Role, t.Stores = Import, nil }, ""},
		{"a store twice", func(t *Token) { t.Stores = []string{"quay", "quay"} }, "as stores.yaml does"},
		{"a store that cannot be", func(t *Token) { t.Stores = []string{"Quay Street"} }, "as stores.yaml does"},
		{"no end", func(t *Token) { t.Expires = "" }, "2027-01-01"},
		{"an end that is none", func(t *Token) { t.Expires = "2027-02-30" }, "2027-01-01"},
		{"an end in a thousand years", func(t *Token) { t.Expires = "3027-01-01" }, "2027-01-01"},
		{"a short hash", func(t *Token) { t.SHA256 = "ab" }, "footfall token make"},
		{"a hash in capitals", func(t *Token) { t.SHA256 = strings.ToUpper(t.SHA256) + "" }, "footfall token make"},
		{"the token instead of its hash", func(t *Token) { t.SHA256 = secret }, "footfall token make"},
	} {
		one := good
		c.change(&one)
		l := List{Tokens: []Token{one}}
		err := l.Check()
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.says)
		}
		if err != nil && strings.Contains(strings.ToLower(err.Error()), secret) {
			t.Errorf("%s: the error repeats the token", c.name)
		}
	}
	other, _ := made(t, "quay manager", Office)
	if l := (List{Tokens: []Token{good, other}}); l.Check() == nil {
		t.Error("two of one name are good")
	}
	other.Name, other.SHA256 = "other", good.SHA256
	if l := (List{Tokens: []Token{good, other}}); l.Check() == nil {
		t.Error("two of one hash are good")
	}
}

func TestAFileOfTokens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	if _, err := Load(path); !Missing(err) {
		t.Errorf("without a file: got %v", err)
	}
	one, secret := made(t, "quay: manager", Manager, "quay")
	two, _ := made(t, "office", Office)
	list := List{Tokens: []Token{one, two}}
	if err := list.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil || len(got.Tokens) != 2 || got.Tokens[0].Name != one.Name || got.Tokens[0].Stores[0] != "quay" || got.Tokens[1].Stores != nil {
		t.Errorf("got %+v, %v, want the two", got, err)
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(text), secret) || !strings.Contains(string(text), one.SHA256) {
		t.Errorf("the file holds the token, or not its hash (%v)", err)
	}
	about, err := os.Stat(path)
	if err != nil || about.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, want 0600", about.Mode())
	}
	list.Tokens[0].Role = "root"
	if err := list.Save(path); err == nil {
		t.Error("a list that is wrong was written")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 1 {
		t.Errorf("files are left: %v", left)
	}
	for _, mode := range []os.FileMode{0o640, 0o602, 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %v: got %v, want it refused", mode, err)
		}
	}
}

func TestAFileThatIsNone(t *testing.T) {
	for name, text := range map[string]string{
		"an unknown key": "tokens:\n  - {name: a, rule: office}\n", "no YAML": "tokens: [", "another file": "stores: []\n", "too long": strings.Repeat("# nothing\n", 1<<18),
	} {
		path := filepath.Join(t.TempDir(), "tokens.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if list, err := Parse(nil); err != nil || len(list.Tokens) != 0 {
		t.Errorf("an empty file: got %v, %v", list, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "tokens: []", "tokens:\n- {name: a, role: office, made: 2026-01-01, expires: 2027-01-01, sha256: ''}", "tokens: {}", "a: &a [*a]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := Parse(text)
		if err == nil && list.Check() != nil {
			t.Error("what was read is not good")
		}
	})
}
