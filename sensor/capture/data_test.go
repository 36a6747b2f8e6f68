package capture

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dataFolder finds the shared captures: FOOTFALL_DATA, or ../shared/data beside the repository.
func dataFolder(t testing.TB) string {
	t.Helper()
	folder := os.Getenv("FOOTFALL_DATA")
	if folder == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for !exists(filepath.Join(root, "go.mod")) && filepath.Dir(root) != root {
			root = filepath.Dir(root)
		}
		folder = filepath.Join(root, "..", "shared", "data")
	}
	if !exists(folder) {
		t.Skip("the shared captures are not here; set FOOTFALL_DATA to their folder")
	}
	return folder
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// captureFiles are all captures below the data folder.
func captureFiles(t testing.TB) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dataFolder(t), func(path string, d fs.DirEntry, err error) error {
		if name := strings.TrimSuffix(path, ".gz"); err == nil && !d.IsDir() &&
			(strings.HasSuffix(name, ".pcap") || strings.HasSuffix(name, ".pcapng")) {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// walk reads a whole capture the plain way, as reference/capture.py does, to compare with.
func walk(t *testing.T, path string) []Record {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	d, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	if string(d[:4]) == "\x0a\x0d\x0d\x0a" {
		return walkPcapng(d)
	}
	return walkPcap(d)
}

func walkPcap(d []byte) (out []Record) {
	var o binary.ByteOrder = binary.BigEndian
	if d[0] == 0xd4 || d[0] == 0x4d {
		o = binary.LittleEndian
	}
	unit := int64(1000)
	if magic := o.Uint32(d); magic == 0xa1b23c4d {
		unit = 1
	}
	link := uint16(o.Uint32(d[20:]))
	for d = d[24:]; len(d) >= 16; {
		n := o.Uint32(d[8:])
		out = append(out, Record{
			Time: int64(o.Uint32(d))*1e9 + int64(o.Uint32(d[4:]))*unit, Link: link, Data: d[16 : 16+n], OrigLen: int(o.Uint32(d[12:])),
		})
		d = d[16+n:]
	}
	return out
}

// walkPcapng knows what the shared files hold: enhanced packet blocks in microseconds on the first interface.
func walkPcapng(d []byte) (out []Record) {
	var o binary.ByteOrder = binary.BigEndian
	if d[8] == 0x4d {
		o = binary.LittleEndian
	}
	link := uint16(0)
	for len(d) >= 12 {
		switch o.Uint32(d) {
		case 1:
			link = o.Uint16(d[8:])
		case 6:
			n := o.Uint32(d[20:])
			t := int64(o.Uint32(d[12:]))<<32 | int64(o.Uint32(d[16:]))
			out = append(out, Record{Time: t * 1000, Link: link, Data: d[28 : 28+n], OrigLen: int(o.Uint32(d[24:]))})
		}
		d = d[o.Uint32(d[4:]):]
	}
	return out
}

func TestEverySharedCaptureReadsAsAPlainWalkDoes(t *testing.T) {
	total := 0
	for _, path := range captureFiles(t) {
		r, err := Open(path)
		if err != nil {
			t.Fatalf("%s: %v", filepath.Base(path), err)
		}
		want := walk(t, path)
		for i, w := range want {
			got, err := r.Next()
			if err != nil {
				t.Fatalf("%s: record %d: %v", filepath.Base(path), i, err)
			}
			if !same(got, w) {
				t.Fatalf("%s: record %d differs", filepath.Base(path), i)
			}
		}
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: got %v, want io.EOF", filepath.Base(path), err)
		}
		if r.Size() == 0 || r.Offset() != r.Size() {
			t.Errorf("%s: got offset %d at the end, want the size %d", filepath.Base(path), r.Offset(), r.Size())
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		total += len(want)
	}
	t.Logf("%d records compared", total)
}
