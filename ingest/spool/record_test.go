package spool

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func TestRecordLayout(t *testing.T) {
	got := hex.EncodeToString(appendRecord(nil, Message{LSN: 258, Kind: 7, TimeMS: 1_700_000_000_000, Data: []byte("abc")}))
	const want = "465301a507000000" + "0201000000000000" + "0068e5cf8b010000" + "03000000" + "88a22c50" + "b73f4b36" + "616263"
	if got != want {
		t.Fatalf("got %s, want %s: older spools could not be read", got, want)
	}
}

func TestHeader(t *testing.T) {
	good := header{lsn: 9, timeMS: -5, length: 77, kind: 15}
	tests := []struct {
		name   string
		change func(b []byte)
		ok     bool
	}{
		{"unchanged", func([]byte) {}, true},
		{"another state", func(b []byte) { b[stateAt] = stateDone }, true},
		{"another payload checksum", func(b []byte) { b[sumAt]++ }, true},
		{"magic", func(b []byte) { b[1] = 'X' }, false},
		{"version", func(b []byte) { b[2] = 2 }, false},
		{"kind", func(b []byte) { b[4] = 3 }, false},
		{"reserved", func(b []byte) { b[6] = 1 }, false},
		{"LSN", func(b []byte) { b[8]++ }, false},
		{"time", func(b []byte) { b[23]++ }, false},
		{"length", func(b []byte) { b[27]++ }, false},
		{"checksum", func(b []byte) { b[28]++ }, false},
		{"a kind that is none", func(b []byte) { copy(b, header{lsn: 1, kind: 16}.append(nil, stateLive, 1)) }, false},
		{"LSN zero", func(b []byte) { copy(b, header{}.append(nil, stateLive, 1)) }, false},
		{"an LSN beyond all", func(b []byte) { copy(b, header{lsn: lsnLimit}.append(nil, stateLive, 1)) }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := good.append(nil, stateLive, 1)
			tt.change(b)
			h, _, _, ok := parseHeader(b)
			if ok != tt.ok || ok && h != good {
				t.Fatalf("got %+v, %v; want %+v, %v", h, ok, good, tt.ok)
			}
		})
	}
}

func TestPatchWritesEverythingOnce(t *testing.T) {
	disk := newMemoryDisk()
	f := &memoryFile{disk: disk, data: bytes.Repeat([]byte{0xEE}, 400_000)}
	p := patch{f: f}
	for _, at := range []int64{10, 30, 40, 100_000, 100_100} {
		p.at(at)
		p.buf = append(p.buf, "head"...)
		p.zero(6)
	}
	p.at(150_000)
	p.zero(200_000)
	if err := p.finish(); err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte{0xEE}, 400_000)
	for _, at := range []int64{10, 30, 40, 100_000, 100_100} {
		copy(want[at:], "head\x00\x00\x00\x00\x00\x00")
	}
	clear(want[150_000:350_000])
	if !bytes.Equal(f.data, want) {
		t.Fatal("got other bytes than were to be overwritten")
	}
	// 10; 30 and 40; 100,000; 100,100; 200,000 zeros by 64 KiB.
	if got := disk.counts["write"]; got != 4+4 {
		t.Fatalf("got %d writes, want 8", got)
	}
}
