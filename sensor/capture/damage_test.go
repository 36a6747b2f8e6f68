package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestWhatIsNoCapture(t *testing.T) {
	plain := write(t, Options{}, sample())
	for name, row := range map[string]struct {
		in   string
		want error // nil: a *TruncatedError
	}{
		"nothing":                 {"", ErrEmpty},
		"gzip of nothing":         {string(compress(t, nil)), ErrEmpty},
		"one byte":                {"x", ErrNotCapture},
		"three bytes of a magic":  {"\xd4\xc3\xb2", ErrNotCapture},
		"text":                    {"time,address,rssi\n1,2,3\n", ErrNotCapture},
		"gzip of text":            {string(compress(t, []byte("some words"))), ErrNotCapture},
		"gzip magic, then text":   {"\x1f\x8b and so on", ErrNotCapture},
		"binary":                  {strings.Repeat("\x00\x01\xfe", 99), ErrNotCapture},
		"pcap header cut":         {string(plain[:23]), nil},
		"gzip header cut":         {"\x1f\x8b\x08\x00", nil},
		"gzip of pcap header cut": {string(compress(t, plain[:10])), nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := NewReader(strings.NewReader(row.in))
			var cut *TruncatedError
			if r != nil || row.want != nil && !errors.Is(err, row.want) || row.want == nil && !errors.As(err, &cut) {
				t.Fatalf("got %v, want %v", err, row.want)
			}
			if !strings.Contains(err.Error(), ";") {
				t.Errorf("got %q, want a sentence that ends with what to do", err)
			}
		})
	}
}

func TestAHeaderAloneIsACleanEnd(t *testing.T) {
	for name, options := range containers() {
		got, err := readAll(bytes.NewReader(write(t, options, nil)))
		if len(got) != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("%s: got %d records and %v, want none and io.EOF", name, len(got), err)
		}
	}
}

func TestCutAnywhereWhatCameBeforeCounts(t *testing.T) {
	for name, options := range containers() {
		whole := write(t, options, sample()[:6])
		want, _ := readAll(bytes.NewReader(whole))
		clean := 0
		for n := range len(whole) {
			got, err := readAll(bytes.NewReader(whole[:n]))
			var cut *TruncatedError
			switch {
			case errors.Is(err, io.EOF):
				clean++
			case errors.As(err, &cut):
				if cut.Records != int64(len(got)) {
					t.Errorf("%s cut at %d: got %d records in the error, want %d", name, n, cut.Records, len(got))
				}
			case n >= 4:
				t.Errorf("%s cut at %d: got %v, want *TruncatedError", name, n, err)
			}
			compare(t, got, want[:len(got)])
		}
		ends := 6 // behind the header and behind each record but the last
		if options.NG {
			ends = 7 // and behind the section header
		}
		if clean != ends {
			t.Errorf("%s: got %d clean ends, want %d", name, clean, ends)
		}
	}
}

func TestGzipCutOrDamagedAnywhere(t *testing.T) {
	whole := compress(t, write(t, Options{}, sample()[:6]))
	want, _ := readAll(bytes.NewReader(whole))
	for n := 2; n < len(whole); n++ {
		got, err := readAll(bytes.NewReader(whole[:n]))
		var cut *TruncatedError
		if !errors.As(err, &cut) {
			t.Errorf("cut at %d: got %v, want *TruncatedError", n, err)
		}
		compare(t, got, want[:len(got)])
		broken := bytes.Clone(whole)
		broken[n] ^= 0x40
		if _, err := readAll(bytes.NewReader(broken)); err == nil {
			t.Errorf("damaged at %d: got no error at all", n)
		}
	}
	if _, err := readAll(bytes.NewReader(append(bytes.Clone(whole), "trailing"...))); errors.Is(err, io.EOF) {
		t.Error("something behind the gzip: got io.EOF, want *TruncatedError")
	}
}

func TestAnErrorOfTheSourceIsNotTruncation(t *testing.T) {
	broken := errors.New("the disk is gone")
	whole := write(t, Options{}, sample()[:3])
	r, err := NewReader(io.MultiReader(bytes.NewReader(whole), iotest.ErrReader(broken)))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := r.Next(); !errors.Is(err, broken) {
			t.Errorf("got %v, want the source's own error, again and again", err)
		}
	}
	if _, err := NewReader(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("at the first byte: got %v, want the source's own error", err)
	}
}

func TestDamageInTheMiddleEndsTheReading(t *testing.T) {
	le := binary.LittleEndian
	good := bytes.Join([][]byte{section(le), describe(le, 127, 0), packet(le, 0, 9, "abc")}, nil)
	pcap := write(t, Options{}, many(1))
	disagree := packet(le, 0, 9, "abc")
	disagree[len(disagree)-1] = 1
	for name, file := range map[string][]byte{
		"pcap: a record over 256 KiB":    append(bytes.Clone(pcap), "\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x04\x00\x01\x00\x04\x00"...),
		"pcap: a record over 2 GiB":      append(bytes.Clone(pcap), "\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"...),
		"a block of 8 bytes":             append(bytes.Clone(good), "\x06\x00\x00\x00\x08\x00\x00\x00\x08\x00\x00\x00"...),
		"a block of 4 GiB":               append(bytes.Clone(good), "\x05\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"...),
		"a packet block over 256 KiB":    append(bytes.Clone(good), packet(le, 0, 9, strings.Repeat("x", maxBlock))...),
		"two lengths that disagree":      append(bytes.Clone(good), disagree...),
		"a packet block without a body":  append(bytes.Clone(good), block(le, 6)...),
		"a packet longer than its block": append(bytes.Clone(good), block(le, 6, uint32(0), uint32(0), uint32(0), uint32(5), uint32(5), "abc")...),
		"an interface never described":   append(bytes.Clone(good), packet(le, 1, 9, "abc")...),
		"an interface of 4 bytes":        append(bytes.Clone(good), block(le, 1, uint32(127))...),
		"a clock of 10^-20 s":            append(bytes.Clone(good), describe(le, 127, 0, resolution("\x14")...)...),
		"a clock of 2^-64 s":             append(bytes.Clone(good), describe(le, 127, 0, resolution("\xc0")...)...),
		"a section without byte order":   append(bytes.Clone(good), block(le, 0x0a0d0d0a, uint32(1))...),
		"a simple packet, no interface":  bytes.Join([][]byte{good, section(le), block(le, 3, uint32(1), "x")}, nil),
		"cut in a block passed over":     append(bytes.Clone(good), block(le, 5, strings.Repeat("x", 99))[:50]...),
		"too many interfaces":            append(bytes.Clone(good), bytes.Repeat(describe(le, 127, 0), maxInterfaces)...),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readAll(bytes.NewReader(file))
			var cut *TruncatedError
			if !errors.As(err, &cut) || len(got) != 1 || cut.Records != 1 {
				t.Fatalf("got %d records and %v, want 1 and *TruncatedError", len(got), err)
			}
			if cut.Offset == 0 || !strings.Contains(err.Error(), "what was read before is good") {
				t.Errorf("got %q at %d, want a sentence that says so", err, cut.Offset)
			}
		})
	}
}
