package capture

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// containers are all the files a Writer can make.
func containers() map[string]Options {
	out := map[string]Options{}
	for _, ng := range []bool{false, true} {
		for _, big := range []bool{false, true} {
			for _, nano := range []bool{false, true} {
				name := map[bool]string{false: "pcap", true: "pcapng"}[ng] + "_" +
					map[bool]string{false: "le", true: "be"}[big] + "_" + map[bool]string{false: "us", true: "ns"}[nano]
				out[name] = Options{NG: ng, BigEndian: big, Nano: nano}
			}
		}
	}
	return out
}

// sample are records of every length modulo 4, one of them snapped, one of them as long as may be.
func sample() []Record {
	var out []Record
	for i, n := range []int{1, 2, 3, 4, 0, 150, maxRecord} {
		data := bytes.Repeat([]byte{byte(i + 1)}, n)
		out = append(out, Record{Time: 1700000000123456789 + int64(i)*1e9, Link: 127, Data: data, OrigLen: n})
	}
	out[5].OrigLen = 400
	return out
}

func write(t testing.TB, o Options, records []Record) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, 127, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range records {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func compress(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// readAll reads a stream to its end and copies the records; the error is never nil.
func readAll(in io.Reader) ([]Record, error) {
	r, err := NewReader(in)
	if err != nil {
		return nil, err
	}
	var out []Record
	for {
		rec, err := r.Next()
		if err != nil {
			return out, err
		}
		rec.Data = bytes.Clone(rec.Data)
		out = append(out, rec)
	}
}

func same(a, b Record) bool {
	return a.Time == b.Time && a.Link == b.Link && a.OrigLen == b.OrigLen && bytes.Equal(a.Data, b.Data)
}

func compare(t *testing.T, got, want []Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d records, want %d", len(got), len(want))
	}
	for i := range got {
		if !same(got[i], want[i]) {
			t.Errorf("record %d: got time %d, link %d, %d of %d bytes, want time %d, link %d, %d of %d bytes", i,
				got[i].Time, got[i].Link, len(got[i].Data), got[i].OrigLen,
				want[i].Time, want[i].Link, len(want[i].Data), want[i].OrigLen)
		}
	}
}

func TestContainersReadBackAsWritten(t *testing.T) {
	for name, options := range containers() {
		want := sample()
		if !options.Nano {
			for i := range want {
				want[i].Time -= want[i].Time % 1000
			}
		}
		plain := write(t, options, sample())
		for wrap, b := range map[string][]byte{
			"plain":              plain,
			"gzip":               compress(t, plain),
			"gzip in gzip":       compress(t, compress(t, plain)),
			"gzip in two pieces": append(compress(t, plain[:100]), compress(t, plain[100:])...),
		} {
			t.Run(name+" "+wrap, func(t *testing.T) {
				got, err := readAll(bytes.NewReader(b))
				if !errors.Is(err, io.EOF) {
					t.Errorf("got %v, want io.EOF", err)
				}
				compare(t, got, want)
				got, err = readAll(iotest.HalfReader(bytes.NewReader(b)))
				if !errors.Is(err, io.EOF) {
					t.Errorf("in small pieces: got %v, want io.EOF", err)
				}
				compare(t, got, want)
			})
		}
	}
}

func TestReadsWhatGopacketWrites(t *testing.T) {
	want := sample()[:6]
	info := func(r Record) gopacket.CaptureInfo {
		return gopacket.CaptureInfo{Timestamp: time.Unix(0, r.Time), CaptureLength: len(r.Data), Length: r.OrigLen}
	}
	t.Run("pcap ns", func(t *testing.T) {
		var b bytes.Buffer
		w := pcapgo.NewWriterNanos(&b)
		if err := w.WriteFileHeader(0, layers.LinkTypeIEEE80211Radio); err != nil { // snap length 0, as some write it
			t.Fatal(err)
		}
		for _, rec := range want {
			if err := w.WritePacket(info(rec), rec.Data); err != nil {
				t.Fatal(err)
			}
		}
		got, err := readAll(&b)
		if !errors.Is(err, io.EOF) {
			t.Errorf("got %v, want io.EOF", err)
		}
		compare(t, got, want)
	})
	t.Run("pcapng with options and statistics", func(t *testing.T) {
		var b bytes.Buffer
		w, err := pcapgo.NewNgWriterInterface(&b, pcapgo.NgInterface{
			Name: "mon0", OS: "some", LinkType: layers.LinkTypeIEEE80211Radio, TimestampResolution: 9,
		}, pcapgo.DefaultNgWriterOptions)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range want {
			if err := w.WritePacket(info(rec), rec.Data); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(w.WriteInterfaceStats(0, pcapgo.NgInterfaceStatistics{PacketsReceived: 6}), w.Flush()); err != nil {
			t.Fatal(err)
		}
		got, err := readAll(&b)
		if !errors.Is(err, io.EOF) {
			t.Errorf("got %v, want io.EOF", err)
		}
		compare(t, got, want)
	})
}

func TestOpen(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "x.pcap")
	b := write(t, Options{}, sample())
	if err := os.WriteFile(path, b, 0o400); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if r.Size() != int64(len(b)) {
		t.Errorf("got size %d, want %d", r.Size(), len(b))
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	for name, row := range map[string]struct {
		path string
		want error
	}{
		"missing": {filepath.Join(folder, "nothing.pcap"), os.ErrNotExist},
		"folder":  {folder, nil},
	} {
		if r, err := Open(row.path); r != nil || err == nil || row.want != nil && !errors.Is(err, row.want) {
			t.Errorf("%s: got %v, want %v", name, err, row.want)
		}
	}
}

func TestStandardInput(t *testing.T) {
	read, writeEnd, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin := os.Stdin
	os.Stdin = read
	defer func() { os.Stdin = stdin }()
	go func() {
		_, _ = writeEnd.Write(compress(t, write(t, Options{NG: true}, sample())))
		_ = writeEnd.Close()
	}()
	r, err := Open("-")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; err == nil; n++ {
		_, err = r.Next()
	}
	if n-1 != len(sample()) || !errors.Is(err, io.EOF) || r.Size() != 0 || r.Offset() == 0 {
		t.Errorf("got %d records, %v, size %d, offset %d, want %d, io.EOF, 0, some", n-1, err, r.Size(), r.Offset(), len(sample()))
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestALiveStreamIsNotHeldBack reads each record of a pipe before the next one is written.
func TestALiveStreamIsNotHeldBack(t *testing.T) {
	for name, options := range containers() {
		in, out := io.Pipe()
		read := make(chan struct{})
		go func() {
			w, err := NewWriter(out, 127, options)
			for i := 0; i < 3 && err == nil; i++ {
				err = w.Write(Record{Time: 1e18, Data: []byte(fmt.Sprint(i))})
				<-read
			}
			_ = out.CloseWithError(errors.Join(err, io.EOF))
		}()
		r, err := NewReader(in)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			if rec, err := r.Next(); err != nil || string(rec.Data) != fmt.Sprint(i) {
				t.Fatalf("%s: record %d: got %q and %v", name, i, rec.Data, err)
			}
			read <- struct{}{}
		}
	}
}

func TestFingerprint(t *testing.T) {
	folder := t.TempDir()
	put := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	// sha256sum of "abc" begins with ba7816bf8f01cfea (FIPS 180-2, appendix B.1).
	if got, err := Fingerprint(put("a", "abc")); err != nil || got != 0xba7816bf8f01cfea {
		t.Errorf("got %x and %v, want ba7816bf8f01cfea", got, err)
	}
	if got, err := Fingerprint(put("b", "abc")); err != nil || got != 0xba7816bf8f01cfea {
		t.Errorf("another name: got %x and %v, want the same", got, err)
	}
	// A capture that was cut short and copied anew is the same capture.
	long := strings.Repeat("x", 2*FingerprintBytes)
	whole, err := Fingerprint(put("whole", long))
	if err != nil {
		t.Fatal(err)
	}
	if cut, err := Fingerprint(put("cut", long[:FingerprintBytes+1])); err != nil || cut != whole {
		t.Errorf("cut: got %x and %v, want %x", cut, err, whole)
	}
	if got := FingerprintOf([]byte(long)); got != whole {
		t.Errorf("of the bytes: got %x, want %x", got, whole)
	}
	if other, err := Fingerprint(put("other", "y"+long)); err != nil || other == whole {
		t.Errorf("other content: got %x and %v, want another one", other, err)
	}
	for name, path := range map[string]string{"stdin": "-", "missing": filepath.Join(folder, "c"), "folder": folder} {
		if _, err := Fingerprint(path); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	for name, options := range containers() {
		r, err := NewReader(bytes.NewReader(write(t, options, many(2000))))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		allocs := testing.AllocsPerRun(1000, func() {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: got %v allocations a record, want 0", name, allocs)
		}
	}
}

func many(n int) []Record {
	data := bytes.Repeat([]byte{0x40}, 160)
	out := make([]Record, n)
	for i := range out {
		out[i] = Record{Time: 1700000000e9 + int64(i)*1e6, Data: data}
	}
	return out
}

func BenchmarkNext(b *testing.B) {
	for name, options := range containers() {
		if options.BigEndian {
			continue
		}
		for _, zip := range []bool{false, true} {
			file := write(b, options, many(10000))
			if zip {
				name, file = name+"_gz", compress(b, file)
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				var r *Reader
				for n := 0; b.Loop(); n++ {
					if n%10000 == 0 {
						var err error
						if r, err = NewReader(bytes.NewReader(file)); err != nil {
							b.Fatal(err)
						}
					}
					if _, err := r.Next(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "frames/s")
			})
		}
	}
}
