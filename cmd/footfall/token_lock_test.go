package main

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// meanwhile reads random bytes, and first does something: what runs while a token is being made.
type meanwhile struct{ do func() }

// Read implements io.Reader.
func (m *meanwhile) Read(b []byte) (int, error) {
	if m.do != nil {
		m.do()
		m.do = nil
	}
	return rand.Read(b)
}

// TestTwoTokensMadeAtOnce: neither is lost. The second says to come again, and prints no token that the file would not have.
func TestTwoTokensMadeAtOnce(t *testing.T) {
	w := newTokenWorld(t)
	office := func(name string) []string {
		return []string{"make", "--role", "office", "--name", name, "--expires", "2027-01-01"}
	}
	if _, _, err := w.run(office("before")...); err != nil {
		t.Fatal(err)
	}
	refused := func(args ...string) {
		t.Helper()
		out, _, err := w.run(args...)
		if err == nil || !strings.Contains(err.Error(), "another footfall token has") || !strings.Contains(err.Error(), "run this again") || out != "" {
			t.Errorf("%s while another makes one: got %q, %v", args[0], out, err)
		}
	}
	var out, errs bytes.Buffer
	k := &tokenRun{now: func() time.Time { return w.now }, out: &out, errs: &errs, random: &meanwhile{do: func() {
		refused(office("second")...)
		refused("revoke", "--name", "before")
		if list, _, err := w.run("list"); err != nil || !strings.Contains(list, "before") {
			t.Errorf("a list is only read, and yet: %q, %v", list, err)
		}
	}}}
	first := office("first")
	if err := k.run(append([]string{first[0], "--tokens", w.file}, first[1:]...)); err != nil || !strings.HasPrefix(out.String(), "ff_") {
		t.Fatalf("got %q, %v", out.String(), err)
	}
	if _, _, err := w.run(office("second")...); err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	list, _, err := w.run("list")
	for _, name := range []string{"before", "first", "second"} {
		if err != nil || strings.Count(list, name+" ") != 1 {
			t.Errorf("got %s%v, want %s once", list, err, name)
		}
	}
	about, err := os.Stat(w.file + ".lock")
	if err != nil || about.Size() != 0 {
		t.Errorf("got the lock %v, %v, want an empty file", about, err)
	}
}

// TestATokenIsOfAStoreThatThereIs, where it is known which stores there are.
func TestATokenIsOfAStoreThatThereIs(t *testing.T) {
	w := newTokenWorld(t)
	file := filepath.Join(t.TempDir(), "stores.yaml")
	if err := os.WriteFile(file, []byte(demoStores), 0o600); err != nil {
		t.Fatal(err)
	}
	args := func(stores, name string, of ...string) []string {
		out := []string{"make", "--stores", stores, "--role", "manager", "--name", name, "--expires", "2027-01-01"}
		for _, s := range of {
			out = append(out, "--store", s)
		}
		return out
	}
	for _, c := range []struct {
		name string
		args []string
		says string // empty: the token is made
	}{
		{"one that there is", args(file, "a", "demo"), ""},
		{"one that there is not", args(file, "b", "demo", "dmeo"), `has no store "dmeo": write one of its names with --store, or add the store there first`},
		{"no file is named", args("", "c", "dmeo"), ""},
		{"a file that is not there", args(file+".old", "d", "demo"), "stores.yaml.old"},
		{"all stores", []string{"make", "--stores", file, "--role", "office", "--name", "e", "--expires", "2027-01-01"}, ""},
	} {
		out, _, err := w.run(c.args...)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says) || out != "") {
			t.Errorf("%s: got %q, %v, want %q", c.name, out, err, c.says)
		}
	}
}
