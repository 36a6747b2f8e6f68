package main

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/dot11"
)

// canary is a made-up phone that a test knows everything of: its address, and the network it asks for by name. What it leaves
// behind is looked for everywhere.
type canary struct {
	addr  [6]byte
	ssid  string
	does  doing
	model int
}

// doing is what a canary does every day.
type doing uint8

const (
	comesIn doing = iota // is inside for more than five minutes
	looksIn
	passesBy // never inside
)

func (c canary) stable() bool { return c.addr[0]&2 == 0 }

// newCanaries makes canaries; every second has a random address, with the local bit. All are different.
func newCanaries(n int, seed byte) []canary {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ "
	r := rand.New(rand.NewChaCha8([32]byte{'c', seed}))
	seen := map[[6]byte]bool{}
	var list []canary
	for len(list) < n {
		var c canary
		binary.BigEndian.PutUint16(c.addr[:], uint16(r.Uint32()))
		binary.BigEndian.PutUint32(c.addr[2:], r.Uint32())
		c.addr[0] &^= 3
		if len(list)%2 == 1 {
			c.addr[0] |= 2
		}
		if seen[c.addr] {
			continue
		}
		seen[c.addr] = true
		name := make([]byte, 12+r.IntN(13))
		for i := range name {
			name[i] = letters[r.IntN(len(letters))]
		}
		c.ssid, c.model = string(name), r.IntN(12)
		c.does = [10]doing{7: looksIn, 8: passesBy, 9: passesBy}[len(list)/2%10]
		list = append(list, c)
	}
	return list
}

// inside are the canaries whose ids a sensor has to send each day: stable, and at some time inside.
func inside(list []canary) []canary {
	return slices.DeleteFunc(slices.Clone(list), func(c canary) bool { return !c.stable() || c.does == passesBy })
}

// renamed are the same phones under other addresses, asking for other networks.
func renamed(list []canary, seed byte) []canary {
	out := slices.Clone(list)
	for i, other := range newCanaries(len(list), seed) {
		out[i].addr, out[i].ssid = other.addr, other.ssid
	}
	return out
}

// air is one frame as a sensor hears it.
type air struct {
	at       int64 // capture time, Unix ns
	data     []byte
	original int
}

// canaryDay writes a capture of one store-day in which every canary is heard at least once: most of them again and again for
// more than five minutes inside opening hours, some only shortly, some only weakly. A few are heard after closing time too, and
// some in frames that are cut short or broken: what is dropped may not leave a trace either. The seed decides the times.
func canaryDay(t *testing.T, file string, s stores.Store, day calendar.Day, list []canary, seed byte) string {
	t.Helper()
	r := rand.New(rand.NewChaCha8([32]byte{'d', seed, byte(day), byte(day >> 8)}))
	opening := s.Calendar.Start(day).Add(5 * time.Hour).UnixNano() // 09:00
	var heard []air
	for i, c := range list {
		at := opening + int64(5*time.Minute) + r.Int64N(int64(9*time.Hour))
		bursts, dbm, pause := 8+r.IntN(9), -45-r.IntN(20), 50*time.Second
		switch c.does {
		case looksIn:
			bursts = 2
		case passesBy:
			bursts, dbm = 2, -76-r.IntN(12)
		}
		for range bursts {
			heard = append(heard, burst(t, c, at, dbm, uint16(r.Uint32()))...)
			at += int64(pause) + r.Int64N(int64(20*time.Second))
		}
		switch i % 20 {
		case 0, 1:
			heard = append(heard, burst(t, c, opening+int64(13*time.Hour)+r.Int64N(int64(time.Hour)), dbm, 1)...)
		case 2, 3:
			broken := burst(t, c, at, dbm, 2)
			broken[0].data[len(broken[0].data)-1] ^= 1 // the frame check sequence
			broken[1].data = broken[1].data[:len(broken[1].data)-25]
			broken[2].data = broken[2].data[:30] // in the middle of the address
			heard = append(heard, broken...)
		}
	}
	slices.SortStableFunc(heard, func(a, b air) int { return cmp.Compare(a.at, b.at) })
	write(t, file, heard)
	return file
}

func write(t *testing.T, file string, heard []air) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w, err := capture.NewWriter(f, dot11.LinkRadiotap, capture.Options{Nano: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range heard {
		if err := w.Write(capture.Record{Time: a.at, Data: a.data, OrigLen: a.original}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// burst is three probe requests 20 ms apart: two ask for the canary's network, one for any.
func burst(t *testing.T, c canary, at int64, dbm int, sequence uint16) []air {
	t.Helper()
	var out []air
	for i := range 3 {
		ssid := c.ssid
		if i == 2 {
			ssid = ""
		}
		frame := dot11.AppendProbeRequest(nil, c.addr, sequence+uint16(i), c.elements(ssid))
		data, err := dot11.Append(nil, dot11.LinkRadiotap, dot11.Radio{RSSI: int8(dbm), HasRSSI: true, FreqMHz: 2437, FCS: true}, frame)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, air{at + int64(i)*20e6, data, len(data)})
	}
	return out
}

// elements are what the canary's model puts into a probe request.
func (c canary) elements(ssid string) []byte {
	m := byte(c.model)
	e := append([]byte{0, byte(len(ssid))}, ssid...)
	e = append(e, 1, 4, 0x02, 0x04, 0x0b, 0x16)
	e = append(e, 50, 8, 0x0c, 0x12, 0x18, 0x24, 0x30, 0x48, 0x60, 0x6c)
	e = append(e, 3, 1, 6)
	e = append(e, 45, 26, 0x2d+m%4, 0x01, 0x17, 0xff)
	e = append(e, make([]byte, 22)...)
	if m%3 > 0 {
		e = append(e, 127, 8, 0, 0, 8*m, 0, 0, 0, 0, 0x40)
	}
	return append(e, 221, 7, 0x00, 0x50, 0xf2, 0x08, 0x00, m/2, 0x00)
}

func TestCanariesAreWhatTheyClaim(t *testing.T) {
	b := &bench{t: t, dir: t.TempDir()}
	list := newCanaries(1000, 1)
	stable, names := 0, map[string]bool{}
	for _, c := range list {
		if c.stable() {
			stable++
		}
		if len(c.ssid) < 12 || len(c.ssid) > 24 || c.addr[0]&1 != 0 {
			t.Errorf("got an SSID of %d characters or a group address, want 12 to 24 and none", len(c.ssid))
		}
		names[c.ssid] = true
	}
	if stable != 500 || len(names) != 1000 || len(inside(list)) != 400 {
		t.Errorf("got %d stable, %d names, %d inside, want 500, 1000, 400", stable, len(names), len(inside(list)))
	}
	file := canaryDay(t, b.path("day.pcap"), privacyStore(t), demoStart, list, 1)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	look := newScanner()
	for i, c := range list {
		look.add(t, i, "address", c.addr[:])
		look.add(t, i, "SSID", []byte(c.ssid))
	}
	look.scan(filepath.Base(file), raw)
	if a, n := len(look.owners["address"]), len(look.owners["SSID"]); a != 1000 || n != 1000 {
		t.Errorf("got %d addresses and %d SSIDs in the capture, want 1000 of each", a, n)
	}
}

func privacyStore(t *testing.T) stores.Store {
	t.Helper()
	list, err := stores.Parse([]byte(privacyStores))
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}
