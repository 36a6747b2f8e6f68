package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/openfootfall/footfall/sensor/keys"
)

const ringStores = `
stores:
  - id: mall
    time_zone: Europe/Berlin
    zones: [{id: shop, sensors: [{id: door, entrance: true}, {id: till}]}]
`

// ringDay is noon of a Wednesday in Berlin.
var ringDay = time.Date(2026, 1, 28, 11, 0, 0, 0, time.UTC)

// writeIdentity writes a new age identity, as age-keygen does.
func writeIdentity(path string) error {
	i, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte("# a test's\n"+i.String()+"\n"), 0o600)
}

// ringBench is a folder with stores.yaml, an opt-out key and an identity, and a clock of its own for footfall keys.
type ringBench struct {
	t    *testing.T
	dir  string
	time time.Time
	asks []string // the answers that the person at the terminal gives
	said bytes.Buffer
}

func newRingBench(t *testing.T) *ringBench {
	t.Helper()
	b := &ringBench{t: t, dir: t.TempDir(), time: ringDay}
	optOut, err := keys.NewOptOutKey(rand.Reader)
	if err = errors.Join(err, optOut.Write(b.path("optout.key")), os.WriteFile(b.path("stores.yaml"), []byte(ringStores), 0o600), writeIdentity(b.path("id.txt"))); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *ringBench) path(name string) string { return filepath.Join(b.dir, name) }

// try runs one part of footfall keys on the bench's files.
func (b *ringBench) try(part string, args ...string) (string, error) {
	var out bytes.Buffer
	k := &keysRun{
		now: func() time.Time { return b.time }, random: rand.Reader, harden: func() error { return nil }, out: &out, errs: &out,
		ask: func(prompt string) (string, error) {
			if len(b.asks) == 0 {
				return "", errors.New("nobody answers")
			}
			out.WriteString(prompt)
			answer := b.asks[0]
			b.asks = b.asks[1:]
			return answer, nil
		},
	}
	args = append([]string{part, "--keyring", b.path("keyring.age")}, args...)
	if part != "show" && part != "retire" && part != "turn" {
		args = append(args, "--stores", b.path("stores.yaml"))
	}
	if part == "make" {
		args = append(args, "--optout-key", b.path("optout.key"))
	}
	err := k.run(args)
	b.said.Write(out.Bytes())
	return out.String(), err
}

// must is try with the bench's identity, and no error.
func (b *ringBench) must(part string, args ...string) string {
	b.t.Helper()
	out, err := b.try(part, append(args, "--identity", b.path("id.txt"))...)
	if err != nil {
		b.t.Fatalf("footfall keys %s: %v", part, err)
	}
	return out
}

// issued imports the bundle that is issued to the sensor.
func (b *ringBench) issued(sensor string) *keys.State {
	b.t.Helper()
	dir := b.t.TempDir()
	b.must("issue", "--store", "mall", "--sensor", sensor, "--out", dir)
	s, err := keys.Import(filepath.Join(dir, "mall-"+sensor+".bundle"), filepath.Join(dir, "keys"))
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// plain is the keyring in plain text, and its keys in hexadecimal digits.
func (b *ringBench) plain() (string, []string) {
	b.t.Helper()
	s, err := identitySecret(b.path("id.txt"))
	if err != nil {
		b.t.Fatal(err)
	}
	raw, err := os.ReadFile(b.path("keyring.age"))
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := age.Decrypt(bytes.NewReader(raw), s.identities...)
	if err != nil {
		b.t.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(r); err != nil {
		b.t.Fatal(err)
	}
	return text.String(), regexp.MustCompile(`[0-9a-f]{64}`).FindAllString(text.String(), -1)
}

// chains are what a bundle's or a key state's file holds of the chains, as text.
func (b *ringBench) chains(path string) string {
	b.t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	var f map[string]any
	if err := json.Unmarshal(raw, &f); err != nil {
		b.t.Fatal(err)
	}
	return fmt.Sprint(f["issue"], f["day"], f["day_chain"], f["week_chain"], f["opt_out_key"])
}
