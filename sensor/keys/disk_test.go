package keys

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// TestAfterTheDayHasTurnedNothingOnDiskRecomputesYesterdaysIDs tries every 32 bytes of every file in the state's folder, raw and
// decoded, in every role that a key can have. Before the day turns the same search finds the ids, which proves the search.
func TestAfterTheDayHasTurnedNothingOnDiskRecomputesYesterdaysIDs(t *testing.T) {
	s, path := imported(t, testSeed(0), 0, wednesday)
	addrs := testAddresses(4)
	ids := map[uint64]bool{}
	for _, a := range addrs {
		ids[s.Hasher().ID(a)] = true
	}
	find := func() (found bool) {
		for _, file := range folder(t, path) {
			for _, text := range decodings(file) {
				for i := 0; i+32 <= len(text); i++ {
					w := text[i : i+32]
					for _, day := range [][]byte{w, refExpand(w, "footfall day chain", 32), refExpand(w, "footfall day next", 32)} {
						found = found || ids[refID(day, addrs[0][:])]
					}
					for _, a := range addrs {
						b := refHMAC(w, a[:])[:8]
						var id uint64
						for _, x := range b {
							id = id<<8 | uint64(x)
						}
						found = found || ids[id]
					}
				}
			}
		}
		return found
	}
	if !find() {
		t.Fatal("the search finds nothing while the key is on disk: it proves nothing")
	}
	advance(t, s, wednesday+1)
	if find() {
		t.Error("yesterday's ids can be recomputed from the sensor's disk")
	}
	advance(t, s, wednesday+30)
	if find() {
		t.Error("an old day's ids can be recomputed from the sensor's disk")
	}
}

// TestReturnKeysOlderThanFourWeeksAreGone: the file holds the chain of the oldest week that is still asked for, and from that no
// older key follows. The search finds the week that dies while it still lives.
func TestReturnKeysOlderThanFourWeeksAreGone(t *testing.T) {
	s, path := imported(t, testSeed(0), 0, wednesday)
	first := int32(wednesday.Week())
	week := func(k int32) []byte { return refWeek(testSeed(0).k[:], first, k) }
	onDisk := func(secret []byte) bool {
		for _, file := range folder(t, path) {
			for _, text := range decodings(file) {
				if bytes.Contains(text, secret) {
					return true
				}
			}
		}
		return false
	}
	for k := first; k < first+6; k++ {
		if !onDisk(week(k - 4)) {
			t.Errorf("week %d: the oldest week still asked for is not on disk", k)
		}
		for dead := first - 4; dead < k-4; dead++ {
			if onDisk(week(dead)) || onDisk(refExpand(week(dead), "footfall return", 32)) {
				t.Errorf("week %d: the key of week %d is still on disk", k, dead)
			}
		}
		advance(t, s, calendar.Week(k+1).Monday())
	}
}

// folder is every file in the folder of the path.
func folder(t testing.TB, path string) [][]byte {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for _, e := range entries {
		out = append(out, readAll(t, filepath.Join(filepath.Dir(path), e.Name())))
	}
	return out
}

// decodings are the file as it is, and every stretch of it that could be hexadecimal or base64, decoded from each start.
func decodings(file []byte) [][]byte {
	out := [][]byte{file}
	for _, run := range regexp.MustCompile(`[0-9a-fA-F]{64,}`).FindAll(file, -1) {
		for from := range 2 {
			part := run[from : from+(len(run)-from)&^1]
			b := make([]byte, len(part)/2)
			for i := range b {
				b[i] = digit(part[2*i])<<4 | digit(part[2*i+1])
			}
			out = append(out, b)
		}
	}
	for _, run := range regexp.MustCompile(`[0-9a-zA-Z+/_-]{43,}`).FindAll(file, -1) {
		for from := range 4 {
			part := run[from : from+(len(run)-from)&^3]
			for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				if b, err := enc.DecodeString(string(part)); err == nil {
					out = append(out, b)
				}
			}
		}
	}
	return out
}

func digit(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}
