package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/openfootfall/footfall/sensor/keys"
)

// TestNoKeyIsSaidOrOnDiskInPlainText searches all that was said and every file but the bundles for each key, as text and as bytes.
func TestNoKeyIsSaidOrOnDiskInPlainText(t *testing.T) {
	b := newRingBench(t)
	b.must("make", "--store", "mall")
	b.must("issue", "--store", "mall", "--out", b.path("bundles"))
	if err := os.Remove(b.path("optout.key")); err != nil {
		t.Fatal(err)
	}
	_, secrets := b.plain()
	b.must("show")
	b.must("rotate", "--store", "mall")
	_, more := b.plain()
	b.must("show")
	b.must("retire", "--store", "mall")
	secrets = append(secrets, more...)
	if len(secrets) != 8 {
		t.Fatalf("got %d keys in the keyring before and after the rotation, want 8", len(secrets))
	}
	heaps := map[string][]byte{"what was said": b.said.Bytes()}
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			raw, err := os.ReadFile(b.path(e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			heaps[e.Name()] = raw
		}
	}
	for name, heap := range heaps {
		for _, s := range secrets {
			var raw []byte
			if _, err := fmt.Sscanf(s, "%x", &raw); err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(heap, []byte(s[:16])) || bytes.Contains(heap, raw[:8]) {
				t.Errorf("a key is in %s", name)
			}
		}
	}
	if _, ok := heaps["keyring.age"]; !ok || len(heaps["what was said"]) == 0 {
		t.Fatal("there was nothing to search")
	}
}

// TestTheKeyringForgetsTheDayBefore: a write on the next day leaves other chains, and the older file's blocks hold zeros. A second
// name for the file shows its blocks.
func TestTheKeyringForgetsTheDayBefore(t *testing.T) {
	b := newRingBench(t)
	b.must("make", "--store", "mall")
	_, first := b.plain()
	if err := os.Link(b.path("keyring.age"), b.path("blocks")); err != nil {
		t.Skipf("no hard links here, which would show old blocks: %v", err)
	}
	b.time = b.time.AddDate(0, 0, 1)
	b.must("issue", "--store", "mall", "--out", b.path("bundles"))
	text, second := b.plain()
	if len(first) != 4 || len(second) != 4 || first[0] != second[0] {
		t.Fatal("want the opt-out key and three chains, and the opt-out key as before")
	}
	if strings.Contains(text, first[1]) {
		t.Error("the day chain of yesterday is still in the keyring")
	}
	old, err := os.ReadFile(b.path("blocks"))
	if err != nil {
		t.Fatal(err)
	}
	if len(old) == 0 || len(bytes.Trim(old, "\x00")) > 0 {
		t.Error("the blocks of the older keyring are not overwritten")
	}
}

// TestABundleFromTheKeyringIsWhatASensorRatchetedTo: the sensor of day one goes on by itself for five days; one that is added
// then holds the very same chains.
func TestABundleFromTheKeyringIsWhatASensorRatchetedTo(t *testing.T) {
	b := newRingBench(t)
	b.must("make", "--store", "mall")
	dir := t.TempDir()
	b.must("issue", "--store", "mall", "--sensor", "door", "--out", dir)
	door, err := keys.Import(filepath.Join(dir, "mall-door.bundle"), filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	for range 5 { // over the end of a week
		b.time = b.time.AddDate(0, 0, 1)
		if err := door.Advance(door.Day() + 1); err != nil {
			t.Fatal(err)
		}
	}
	b.must("issue", "--store", "mall", "--sensor", "till", "--out", dir)
	if got, want := b.chains(filepath.Join(dir, "mall-till.bundle")), b.chains(filepath.Join(dir, "keys")); got != want {
		t.Error("the bundle of day five does not hold what the sensor ratcheted to")
	}
	b.must("rotate", "--store", "mall")
	if till := b.issued("till"); till.Issue() == door.Issue() || till.Day() != door.Day() {
		t.Errorf("after a rotation: got issue %s of %v, want another of the same day", till.Issue(), till.Day())
	}
}

func TestTheKeyringsClock(t *testing.T) {
	b := newRingBench(t)
	b.must("make", "--store", "mall")
	b.time = b.time.AddDate(9, 0, 0)
	if got, want := b.issued("door").Day().String(), "2035-01-28"; got != want {
		t.Errorf("after a gap of nine years: got a bundle of %s, want %s", got, want)
	}
	before, err := os.ReadFile(b.path("keyring.age"))
	if err != nil {
		t.Fatal(err)
	}
	b.time = b.time.AddDate(0, 0, -1)
	for _, part := range []string{"issue", "rotate", "retire"} {
		args := []string{"--store", "mall", "--identity", b.path("id.txt")}
		if part == "issue" {
			args = append(args, "--out", b.path("none"))
		}
		_, err := b.try(part, args...)
		if !errors.Is(err, keys.ErrOlder) || !strings.Contains(err.Error(), "set the clock") {
			t.Errorf("%s: got %v, want ErrOlder and what to do", part, err)
		}
	}
	if exists(b.path("none")) {
		t.Error("a refused issue made its folder")
	}
	if after, err := os.ReadFile(b.path("keyring.age")); err != nil || !bytes.Equal(after, before) {
		t.Error("a refusal changed the keyring")
	}
	b.must("show") // writes nothing, so a wrong clock does no harm
}

func TestOneProcessAtATimeHasTheKeyring(t *testing.T) {
	b := newRingBench(t)
	b.must("make", "--store", "mall")
	held, err := lockBeside(b.path("keyring.age"), "keyring", "footfall keys")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"show", "retire"} {
		args := []string{"--identity", b.path("id.txt")}
		if part == "retire" {
			args = append(args, "--store", "mall")
		}
		if _, err := b.try(part, args...); err == nil || !strings.Contains(err.Error(), "another footfall keys has") {
			t.Errorf("%s: got %v, want an error that another process has it", part, err)
		}
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if got := b.must("show"); !strings.Contains(got, "mall: issue ") {
		t.Errorf("got %q, want the store", got)
	}
}

func TestADamagedKeyringIsRefused(t *testing.T) {
	b := newRingBench(t)
	b.must("make", "--store", "mall")
	good, err := os.ReadFile(b.path("keyring.age"))
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)-20] ^= 1
	header := bytes.Clone(good)
	header[bytes.Index(header, []byte("\n--- "))+8] ^= 1
	for name, raw := range map[string][]byte{
		"empty": {}, "half": good[:len(good)/2], "cut by a byte": good[:len(good)-1], "a byte changed": flipped, "the header changed": header,
		"too long": make([]byte, maxRingFile+1), "with something behind it": append(bytes.Clone(good), 0),
	} {
		if err := os.WriteFile(b.path("keyring.age"), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := b.try("retire", "--store", "mall", "--identity", b.path("id.txt"))
		if err == nil || !strings.Contains(err.Error(), "make its stores anew") && !strings.Contains(err.Error(), "--keyring") {
			t.Errorf("%s: got %v, want an error that says what to do", name, err)
		}
		if left, err := os.ReadFile(b.path("keyring.age")); err != nil || !bytes.Equal(left, raw) {
			t.Errorf("%s: a refused file was changed", name)
		}
	}
}

// TestTheTerminalsPassphrase is of a keyring that is asked for, with what a person can get wrong.
func TestTheTerminalsPassphrase(t *testing.T) {
	const good = "correct horse battery"
	b := newRingBench(t)
	for _, row := range []struct {
		name, part string
		answers    []string
		want       string // part of the error; empty = it works
	}{
		{"nobody there", "make", nil, "nobody answers"},
		{"nothing typed", "make", []string{"", ""}, "is empty"},
		{"two different ones", "make", []string{good, good + "!"}, "not the same"},
		{"too short", "make", []string{"12345678901", "12345678901"}, "too short"},
		{"made", "make", []string{good, good}, ""},
		{"opened", "show", []string{good}, ""},
		{"wrong", "show", []string{good + "!"}, "the passphrase is wrong"},
		{"nothing typed for one that stands", "show", []string{""}, "is empty"},
		{"written again with the same", "rotate", []string{good}, ""},
		{"opened again", "show", []string{good}, ""},
	} {
		b.asks = row.answers
		var args []string
		if row.part != "show" {
			args = []string{"--store", "mall"}
		}
		out, err := b.try(row.part, args...)
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: got %v, want an error with %q, or none", row.name, err, row.want)
		}
		if strings.Contains(out, "horse") || err != nil && strings.Contains(err.Error(), "horse") {
			t.Errorf("%s: the passphrase was said", row.name)
		}
	}
	if _, err := b.try("show", "--identity", b.path("id.txt")); err == nil || !strings.Contains(err.Error(), "leave --identity out") {
		t.Errorf("an identity for a keyring with a passphrase: got %v, want an error that says so", err)
	}
}

func TestIdentities(t *testing.T) {
	b := newRingBench(t)
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	classic, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, text, want string }{
		{"post-quantum", hybrid.String(), ""},
		{"none", "# nothing\n", "holds no identity"},
		{"garbled", classic.String()[:40], "holds no identity"},
		{"two kinds", hybrid.String() + "\n" + classic.String() + "\n", "use an identity file with one identity"},
	} {
		if err := os.WriteFile(b.path("this.txt"), []byte(row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(b.path("keyring.age"))
		_, err := b.try("make", "--store", "mall", "--identity", b.path("this.txt"))
		if row.want == "" {
			if err == nil {
				_, err = b.try("show", "--identity", b.path("this.txt"))
			}
			if err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), row.text[:min(24, len(row.text))]) {
			t.Errorf("%s: got %v, want an error with %q and nothing of the file", row.name, err, row.want)
		}
	}
}
