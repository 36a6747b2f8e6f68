package dot11

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/sensor/capture"
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

// each calls do for every record of a capture.
func each(t testing.TB, path string, do func(rec capture.Record)) {
	t.Helper()
	r, err := capture.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", filepath.Base(path), err)
		}
		do(rec)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// referenceFrame is frame of reference/capture.py: the length of the link header, and of an FCS that radiotap declares, with
// the radiotap flags and signal of a header with one present word.
func referenceFrame(link uint16, d []byte) (frame []byte, rssi int8) {
	switch link {
	case 127:
		n := binary.LittleEndian.Uint16(d[2:])
		present := binary.LittleEndian.Uint32(d[4:])
		at, flags := 8, byte(0)
		for bit, size := range []int{8, 1, 1, 4, 2, 1} {
			if present>>bit&1 == 0 {
				continue
			}
			if bit == 0 || bit == 3 || bit == 4 {
				align := map[int]int{0: 8, 3: 2, 4: 2}[bit]
				at = (at + align - 1) / align * align
			}
			switch bit {
			case 1:
				flags = d[at]
			case 5:
				rssi = int8(d[at])
			}
			at += size
		}
		if frame = d[n:]; flags&0x10 != 0 {
			frame = frame[:len(frame)-4]
		}
		return frame, rssi
	case 192:
		return d[binary.LittleEndian.Uint16(d[2:]):], 0
	case 119:
		if d[0] == 0x80 && d[1] == 0x21 {
			return d[binary.BigEndian.Uint32(d[4:]):], 0
		}
		return d[144:], 0
	case 163:
		return d[binary.BigEndian.Uint32(d[4:]):], 0
	}
	return d, 0
}

// TestProbesOfTheSharedCapturesAreTheReferences compares every probe request of the labelled captures with a walk written
// from reference/capture.py, and its masked elements with the reference's classes: a one-to-one correspondence.
func TestProbesOfTheSharedCapturesAreTheReferences(t *testing.T) {
	folder := dataFolder(t)
	counts := map[string]int{
		"brno-lab/position_1/2022-10-18.pcap.gz": 12613, "polito-lecture/room-03.pcap.gz": 1161, "polito-lecture/corridor-01.pcap.gz": 26,
	}
	total, groups := 0, 0
	raw, toReference, toMask := map[string]bool{}, map[string]string{}, map[string]string{}
	for _, path := range capturesBelow(t, filepath.Join(folder, "brno-lab"), filepath.Join(folder, "polito-lecture")) {
		n := 0
		each(t, path, func(rec capture.Record) {
			frame, rssi := referenceFrame(rec.Link, rec.Data)
			var p Probe
			drop := Parse(rec.Link, rec.Data, rec.OrigLen, &p)
			if isProbe := len(frame) >= 24 && frame[0] == 0x40; isProbe != (drop == DropNone) {
				t.Fatalf("%s: got %v, want a probe request: %v", filepath.Base(path), drop, isProbe)
			} else if !isProbe {
				return
			}
			n++
			if p.Addr.Group() {
				groups++
			}
			if !bytes.Equal(p.Addr[:], frame[10:16]) || !bytes.Equal(p.Elements, frame[24:]) || p.RSSI != rssi || !p.HasRSSI {
				t.Fatalf("%s: probe request %d differs", filepath.Base(path), n)
			}
			if raw[string(p.Elements)] {
				return
			}
			raw[string(p.Elements)] = true
			mask, key := string(Masked(nil, p.Elements)), referenceKey(p.Elements)
			if have, known := toReference[mask]; known && have != key {
				t.Fatalf("%s: probe request %d: one mask for two classes of the reference", filepath.Base(path), n)
			}
			if have, known := toMask[key]; known && have != mask {
				t.Fatalf("%s: probe request %d: two masks for one class of the reference", filepath.Base(path), n)
			}
			toReference[mask], toMask[key] = key, mask
		})
		name, _ := filepath.Rel(folder, path)
		if want, ok := counts[filepath.ToSlash(name)]; ok && n != want {
			t.Errorf("%s: got %d probe requests, want %d", name, n, want)
		}
		total += n
	}
	t.Logf("%d probe requests, %d from group addresses, %d lists of elements, %d masks", total, groups, len(raw), len(toReference))
	if total != 480745 || groups != 18 {
		t.Errorf("got %d probe requests, %d from group addresses, want 480745 and 18", total, groups)
	}
}

func capturesBelow(t testing.TB, folders ...string) []string {
	t.Helper()
	var out []string
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if strings.HasSuffix(path, ".gz") || strings.HasSuffix(path, ".pcap") || strings.HasSuffix(path, ".pcapng") {
				out = append(out, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// summary is what the agent counts of a capture: frames by type and drops by reason.
func summary(t *testing.T, path string) string {
	t.Helper()
	types, drops := map[string]int{}, map[string]int{}
	each(t, path, func(rec capture.Record) {
		var p Probe
		drops[Parse(rec.Link, rec.Data, rec.OrigLen, &p).String()]++
		if p.HasFrame {
			types[FrameType(p.FrameControl)]++
		}
		if frame, _ := referenceFrame(rec.Link, rec.Data); !p.HasFrame || p.FrameControl != frame[0] {
			t.Errorf("%s: got another frame type than the reference", filepath.Base(path))
		}
	})
	return fmt.Sprint(types, drops) // maps print in the order of their keys
}

func TestFrameFormats(t *testing.T) {
	folder := filepath.Join(dataFolder(t), "frame-formats")
	if !exists(folder) {
		t.Skip("the shared frame-formats are not here")
	}
	const three = "map[beacon:1 data:2] map[not_probe_request:3]"
	seen := 0
	for _, path := range capturesBelow(t, folder) {
		got, name := summary(t, path), filepath.Base(path)
		want := ""
		switch {
		case strings.Contains(name, "link_layers"), strings.Contains(name, "containers"), strings.Contains(name, "radiotap_fcs"),
			strings.Contains(name, "gzipped"), strings.Contains(name, "pcapng_raw"):
			want = three
		case strings.Contains(name, "probe_req"):
			want = "map[beacon:1 probe_request:1] map[none:1 not_probe_request:1]"
		default:
			continue
		}
		seen++
		if got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if seen != 22 {
		t.Errorf("got %d captures compared, want 22", seen)
	}
}

// BenchmarkCapture is the sensor's path up to the class input: Next, Parse, Masked, on a real capture, unzipped and zipped.
func BenchmarkCapture(b *testing.B) {
	path := filepath.Join(dataFolder(b), "brno-lab", "position_1", "2022-10-18.pcap.gz")
	var plain bytes.Buffer
	w, err := capture.NewWriter(&plain, LinkRadiotap, capture.Options{})
	if err != nil {
		b.Fatal(err)
	}
	each(b, path, func(rec capture.Record) {
		if err := w.Write(rec); err != nil {
			b.Fatal(err)
		}
	})
	zipped, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	for name, file := range map[string][]byte{"plain": plain.Bytes(), "gzip": zipped} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(plain.Len()) / 12613)
			masked := make([]byte, 0, 4096)
			var r *capture.Reader
			var p Probe
			for b.Loop() {
				var rec capture.Record
				err := io.EOF
				if r != nil {
					rec, err = r.Next()
				}
				if errors.Is(err, io.EOF) {
					if r, err = capture.NewReader(bytes.NewReader(file)); err == nil {
						rec, err = r.Next()
					}
				}
				if err != nil {
					b.Fatal(err)
				}
				if Parse(rec.Link, rec.Data, rec.OrigLen, &p) == DropNone {
					masked = Masked(masked[:0], p.Elements)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "frames/s")
		})
	}
}
