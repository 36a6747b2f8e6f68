package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
)

// block writes a pcapng block by the letter of the format, so that the reader is not only tested against our own Writer.
func block(o binary.AppendByteOrder, kind uint32, body ...any) []byte {
	var b []byte
	for _, part := range body {
		switch v := part.(type) {
		case uint16:
			b = o.AppendUint16(b, v)
		case uint32:
			b = o.AppendUint32(b, v)
		case uint64:
			b = o.AppendUint64(b, v)
		case string:
			b = append(b, v...)
		}
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	total := uint32(len(b) + 12)
	out := o.AppendUint32(nil, kind)
	out = o.AppendUint32(out, total)
	return o.AppendUint32(append(out, b...), total)
}

func section(o binary.AppendByteOrder) []byte {
	return block(o, 0x0a0d0d0a, uint32(0x1a2b3c4d), uint16(1), uint16(0), uint32(1<<32-1), uint32(1<<32-1))
}

func describe(o binary.AppendByteOrder, link uint16, snap uint32, options ...any) []byte {
	return block(o, 1, append([]any{link, uint16(0), snap}, options...)...)
}

func packet(o binary.AppendByteOrder, number uint32, t uint64, data string) []byte {
	n := uint32(len(data))
	return block(o, 6, number, uint32(t>>32), uint32(t), n, n, data)
}

func resolution(r string) []any { return []any{uint16(9), uint16(1), r + "\x00\x00\x00"} }

func TestPcapng(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	const second = uint64(1700000000)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, row := range map[string]struct {
		file []byte
		want []Record
	}{
		"interfaces of several links and clocks": {
			join(section(le), describe(le, 127, 0), describe(le, 105, 0, resolution("\x09")...),
				describe(le, 192, 0, resolution("\x00")...), describe(le, 163, 0, resolution("\x8a")...),
				describe(le, 119, 0, resolution("\x0a")...),
				packet(le, 0, second*1e6+5, "us"), packet(le, 1, second*1e9+5, "ns"), packet(le, 2, second, "s"),
				packet(le, 3, second<<10+512, "half"), packet(le, 4, second*1e10+75, "fine")),
			[]Record{
				{1700000000000005000, 127, []byte("us"), 2},
				{1700000000000000005, 105, []byte("ns"), 2},
				{1700000000000000000, 192, []byte("s"), 1},
				{1700000000500000000, 163, []byte("half"), 4},
				{1700000000000000007, 119, []byte("fine"), 4},
			},
		},
		"a time offset in seconds": {
			join(section(be), describe(be, 127, 0, uint16(14), uint16(8), second), packet(be, 0, 3, "x")),
			[]Record{{1700000000000003000, 127, []byte("x"), 1}},
		},
		"simple packets have no time": {
			join(section(le), describe(le, 127, 0), block(le, 3, uint32(5), "simpl")),
			[]Record{{0, 127, []byte("simpl"), 5}},
		},
		"simple packets are cut by the snap length": {
			join(section(le), describe(le, 127, 4), block(le, 3, uint32(9), "cut!")),
			[]Record{{0, 127, []byte("cut!"), 9}},
		},
		"obsolete packet blocks": {
			join(section(be), describe(be, 1, 0), describe(be, 127, 0),
				block(be, 2, uint16(1), uint16(7), uint32(0), uint32(9), uint32(3), uint32(8), "old")),
			[]Record{{9000, 127, []byte("old"), 8}},
		},
		"packets with options behind them": {
			join(section(le), describe(le, 127, 0), block(le, 6, uint32(0), uint32(0), uint32(9), uint32(3), uint32(3), "abc\x00",
				uint16(2), uint16(4), uint32(1), uint16(0), uint16(0))),
			[]Record{{9000, 127, []byte("abc"), 3}},
		},
		"blocks nobody here knows": {
			join(section(le), block(le, 4, "names"), describe(le, 127, 0), block(le, 0x80000bad, strings.Repeat("x", 1<<20)),
				packet(le, 0, 9, "abc"), block(le, 5, uint32(0))),
			[]Record{{9000, 127, []byte("abc"), 3}},
		},
		"two sections in two byte orders": {
			join(section(le), describe(le, 127, 0), packet(le, 0, 9, "abc"), section(be), describe(be, 105, 0), packet(be, 0, 8, "de")),
			[]Record{{9000, 127, []byte("abc"), 3}, {8000, 105, []byte("de"), 2}},
		},
		"options that are too short or too long for their block": {
			join(section(le), describe(le, 127, 0, uint16(9), uint16(0), uint16(14), uint16(2), uint32(0), uint16(9), uint16(999)),
				packet(le, 0, 9, "abc")),
			[]Record{{9000, 127, []byte("abc"), 3}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readAll(bytes.NewReader(row.file))
			if !errors.Is(err, io.EOF) {
				t.Errorf("got %v, want io.EOF", err)
			}
			compare(t, got, row.want)
		})
	}
}

func TestWriterRefusesWhatNoFileHolds(t *testing.T) {
	w, err := NewWriter(io.Discard, 127, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, rec := range map[string]Record{
		"before 1970":  {Time: -1},
		"after 2105":   {Time: 1 << 62},
		"over 256 KiB": {Data: make([]byte, maxRecord+1)},
	} {
		if err := w.Write(rec); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	in, out := io.Pipe()
	_ = in.Close()
	if _, err := NewWriter(out, 127, Options{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want io.ErrClosedPipe", err)
	}
}

func FuzzReader(f *testing.F) {
	le, be := binary.LittleEndian, binary.BigEndian
	for _, options := range containers() {
		f.Add(write(f, options, sample()[:4]))
	}
	f.Add(compress(f, write(f, Options{}, sample()[:2])))
	f.Add(bytes.Join([][]byte{section(le), describe(le, 127, 4, resolution("\x8a")...), block(le, 3, uint32(9), "cut!")}, nil))
	f.Add(bytes.Join([][]byte{section(be), describe(be, 127, 0), block(be, 2, uint16(0), uint16(0), uint32(0), uint32(9), uint32(1), uint32(1), "x")}, nil))
	f.Add([]byte("some text"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readAll(bytes.NewReader(b))
		again, errAgain := readAll(io.MultiReader(bytes.NewReader(b[:len(b)/2]), bytes.NewReader(b[len(b)/2:])))
		if len(got) != len(again) || err.Error() != errAgain.Error() {
			t.Fatalf("got %d records and %v, in two pieces %d and %v", len(got), err, len(again), errAgain)
		}
		for _, rec := range got {
			if len(rec.Data) > maxRecord || rec.OrigLen < 0 {
				t.Fatalf("got a record of %d bytes, %d on the air", len(rec.Data), rec.OrigLen)
			}
		}
	})
}
