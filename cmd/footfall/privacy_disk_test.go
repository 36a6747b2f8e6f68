package main

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/openfootfall/footfall/ingest/broker"
)

// TestAfterTheDayHasTurnedNothingOnTheSensorsDiskRecomputesYesterdaysIDs runs a sensor on one store-day, finds that day's key on
// its disk by brute force (so the search works), runs it on the next day, and finds no way back: not from any 32 bytes of any
// file, as they are or decoded, in any role of DESIGN section 5. The ids are those that the sensor really sent. The search does
// not see blocks that the file system has given back; sensor/keys proves that they are overwritten first.
func TestAfterTheDayHasTurnedNothingOnTheSensorsDiskRecomputesYesterdaysIDs(t *testing.T) {
	list := newCanaries(200, 6)
	b := newBenchOf(t, privacyStores)
	j := &journey{bench: b, captures: t.TempDir()}
	boxes, spare := b.fleet(b.stores[0], "north", 1)
	door, files := boxes[0], j.files("door", list, 1)

	door.run(files[0])
	monday := b.idsOnAir(t, storeDay{"north", twoDays[0]})
	if got, want := len(monday), len(inside(list)); got != want {
		t.Fatalf("got %d ids on Monday, want %d", got, want)
	}
	if len(recomputed(t, door.dir, list, monday)) == 0 {
		t.Fatal("the search does not find the day's own key on the disk: it proves nothing")
	}
	if _, err := os.Stat(filepath.Join(door.dir, "bundle")); err == nil {
		t.Error("the bundle is still on the sensor's disk: all of the store's days follow from it")
	}

	door.run(files[1])
	tuesday := b.idsOnAir(t, storeDay{"north", twoDays[1]})
	if len(recomputed(t, door.dir, list, tuesday)) == 0 {
		t.Fatal("the search does not find Tuesday's key on Tuesday: it proves nothing")
	}
	for _, how := range recomputed(t, door.dir, list, monday) {
		t.Errorf("Monday's ids can be recomputed on Tuesday from %s", how)
	}

	// The files themselves hold no id either, of neither day.
	look := newScanner()
	for _, ids := range []map[uint64]bool{monday, tuesday} {
		for id := range ids {
			look.id(t, 0, id)
		}
	}
	look.folder(t, door.dir)
	look.nothing(t, "on the sensor's disk")
	if spare.Day() != twoDays[0] {
		t.Errorf("the spare keys moved to %s", spare.Day())
	}
}

// idsOnAir are the ids that a consumer can read, of one store-day.
func (b *bench) idsOnAir(t *testing.T, at storeDay) map[uint64]bool {
	t.Helper()
	return sentIDs(b.sentFrom(broker.Sightings, broker.Earliest))[at]
}

// recomputed tries every 32 bytes of every file below the folder as a key, and says where one makes a known id of an address.
// What has more than eight zeros among them is no key (one of 10^14 has): most of the return filters' bits are zeros.
func recomputed(t *testing.T, dir string, list []canary, ids map[uint64]bool) (found []string) {
	t.Helper()
	phones := inside(list)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, text := range decoded(raw) {
			for at := 0; at+32 <= len(text); at++ {
				if bytes.Count(text[at:at+32], []byte{0}) > 8 {
					continue
				}
				if role := keyTo(ids, phones, text[at:at+32]); role != "" {
					found = append(found, filepath.Base(path)+" as "+role)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// keyTo is the role in which a key makes a known id, if it has one. One phone is enough where the ids of all are known; as the
// id key itself it is tried on three.
func keyTo(ids map[uint64]bool, phones []canary, key []byte) string {
	chain := func(k []byte) bool { return ids[idUnder(expanded(k, "footfall day id"), phones[0])] }
	switch {
	case chain(key):
		return "the day's chain"
	case chain(expanded(key, "footfall day next")):
		return "the chain of the day before"
	case chain(expanded(key, "footfall day chain")):
		return "the store's seed"
	}
	for _, c := range phones[:3] {
		if ids[idUnder(key, c)] {
			return "the id key"
		}
	}
	return ""
}

// expanded and idUnder are the derivations of DESIGN section 5, written once more.
func expanded(key []byte, label string) []byte {
	out, err := hkdf.Expand(sha256.New, key, label, 32)
	if err != nil {
		return make([]byte, 32)
	}
	return out
}

func idUnder(key []byte, c canary) uint64 {
	mac := hmac.New(sha256.New, key)
	mac.Write(c.addr[:])
	return binary.BigEndian.Uint64(mac.Sum(nil))
}

var (
	hexRun    = regexp.MustCompile(`[0-9a-fA-F]{64,}`)
	base64Run = regexp.MustCompile(`[0-9a-zA-Z+/_-]{43,}`)
)

// decoded are a file's bytes, and every stretch of them that could be hexadecimal or base64, decoded from each start.
func decoded(file []byte) [][]byte {
	out := [][]byte{file}
	for _, run := range hexRun.FindAll(file, -1) {
		for from := range 2 {
			part := run[from:]
			if b, err := hex.DecodeString(string(part[:len(part)&^1])); err == nil {
				out = append(out, b)
			}
		}
	}
	for _, run := range base64Run.FindAll(file, -1) {
		for from := range 4 {
			part := run[from:]
			for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				if b, err := encoding.DecodeString(string(part[:len(part)&^3])); err == nil {
					out = append(out, b)
				}
			}
		}
	}
	return out
}
