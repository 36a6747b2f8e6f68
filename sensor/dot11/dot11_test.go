package dot11

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

var links = []uint16{LinkRaw, LinkPrism, LinkRadiotap, LinkAVS, LinkPPI}

// heard is a probe request as a test knows it.
type heard struct {
	time     int64
	addr     hwaddr.Addr
	elements string
	radio    Radio
}

// someHeard are probe requests of every kind: no elements, an SSID, many elements, one stray byte.
func someHeard() []heard {
	full := "\x00\x04shop\x01\x08\x02\x04\x0b\x16\x0c\x12\x18\x24\x03\x01\x06\x2d\x1a" + strings.Repeat("h", 26) +
		"\xdd\x07\x00\x50\xf2\x08\x00\x10\x00\xff\x03\x23\x01\x02"
	var out []heard
	for i, elements := range []string{"", "\x00\x00", "\x00\x04shop\x01\x02\x82\x84", full, full + full} {
		out = append(out, heard{
			time:     1700000000e9 + int64(i)*1e6,
			addr:     hwaddr.Addr{2, 0, 0x5e, 0x10, 0, byte(i)},
			elements: elements,
			radio:    Radio{RSSI: int8(-90 + 10*i), HasRSSI: true, FreqMHz: []uint16{2412, 2437, 2484, 5180, 5825}[i]},
		})
	}
	return out
}

func packed(t testing.TB, link uint16, r Radio, frame []byte) []byte {
	t.Helper()
	out, err := Append(nil, link, r, frame)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryLinkHeaderInEveryContainerGivesTheSameProbes(t *testing.T) {
	for _, link := range links {
		for _, withFCS := range []bool{false, true} {
			for i := range 16 {
				options := capture.Options{NG: i&1 != 0, BigEndian: i&2 != 0, Nano: i&4 != 0}
				name := fmt.Sprintf("link %d, FCS %v, %+v, gzip %v", link, withFCS, options, i&8 != 0)
				t.Run(name, func(t *testing.T) {
					readBack(t, link, container(t, link, withFCS, options, i&8 != 0))
				})
			}
		}
	}
}

func container(t *testing.T, link uint16, withFCS bool, options capture.Options, zip bool) io.Reader {
	t.Helper()
	var file bytes.Buffer
	var out io.Writer = &file
	var z *gzip.Writer
	if zip {
		z = gzip.NewWriter(&file)
		out = z
	}
	w, err := capture.NewWriter(out, link, options)
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range someHeard() {
		h.radio.FCS = withFCS
		frame := AppendProbeRequest(nil, h.addr, uint16(i), []byte(h.elements))
		if err := w.Write(capture.Record{Time: h.time, Data: packed(t, link, h.radio, frame)}); err != nil {
			t.Fatal(err)
		}
	}
	if z != nil {
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return &file
}

func readBack(t *testing.T, link uint16, file io.Reader) {
	t.Helper()
	r, err := capture.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range someHeard() {
		rec, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		var p Probe
		if drop := Parse(rec.Link, rec.Data, rec.OrigLen, &p); drop != DropNone {
			t.Fatalf("probe %d: got %v", i, drop)
		}
		if rec.Time != want.time || p.Addr != want.addr || string(p.Elements) != want.elements {
			t.Errorf("probe %d: got another time, address or elements", i)
		}
		told := link != LinkRaw
		if p.HasRSSI != told || told && (p.RSSI != want.radio.RSSI || p.FreqMHz != want.radio.FreqMHz) {
			t.Errorf("probe %d: got %d dBm %d MHz, want %d dBm %d MHz", i, p.RSSI, p.FreqMHz, want.radio.RSSI, want.radio.FreqMHz)
		}
		if !p.HasFrame || FrameType(p.FrameControl) != "probe_request" {
			t.Errorf("probe %d: got type %q", i, FrameType(p.FrameControl))
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want io.EOF", err)
	}
}

// probeFrame is a probe request with an FCS where wanted, and that FCS damaged where wanted.
func probeFrame(elements string) []byte {
	return AppendProbeRequest(nil, hwaddr.Addr{2, 0, 0, 0, 0, 9}, 1, []byte(elements))
}

func TestDrops(t *testing.T) {
	good := probeFrame("\x00\x00\x01\x01\x82")
	fcsOf := func(b []byte) []byte { return packed(t, LinkRaw, Radio{FCS: true}, b) }
	damaged := fcsOf(good)
	damaged[len(damaged)-1] ^= 1
	tap := func(flags byte, frame []byte) []byte { return append([]byte{0, 0, 9, 0, 2, 0, 0, 0, flags}, frame...) }
	beacon := append([]byte{0x80}, good[1:]...)
	for name, row := range map[string]struct {
		link uint16
		data []byte
		cut  int
		want Drop
	}{
		"good":                                   {LinkRaw, good, 0, DropNone},
		"good, on the air shorter than captured": {LinkRaw, good, -9, DropNone},
		"ethernet":                               {1, good, 0, DropLinkUnsupported},
		"nothing at all":                         {LinkRaw, nil, 0, DropShortFrame},
		"nothing captured":                       {LinkRaw, nil, 99, DropTruncated},
		"a header and no frame":                  {LinkRadiotap, tap(0, nil), 0, DropShortFrame},
		"a header cut":                           {LinkRadiotap, tap(0, nil)[:7], 99, DropTruncated},
		"a header too short":                     {LinkRadiotap, tap(0, nil)[:7], 0, DropLinkHeader},
		"a beacon":                               {LinkRaw, beacon, 0, DropNotProbeRequest},
		"a beacon, snapped":                      {LinkRaw, beacon[:1], 99, DropNotProbeRequest},
		"a beacon with a bad FCS":                {LinkRadiotap, tap(0x50, beacon), 0, DropNotProbeRequest},
		"another protocol version":               {LinkRaw, append([]byte{0x41}, good[1:]...), 0, DropNotProbeRequest},
		"a probe request cut in its addresses":   {LinkRaw, good[:20], 0, DropShortFrame},
		"the same, snapped":                      {LinkRaw, good[:20], 9, DropTruncated},
		"snapped in its elements":                {LinkRaw, good[:26], 3, DropTruncated},
		"snapped behind whole elements":          {LinkRadiotap, tap(0, good), 1, DropTruncated},
		"an element past the end":                {LinkRaw, probeFrame("\x00\x05ab"), 0, DropMalformed},
		"one stray byte":                         {LinkRaw, probeFrame("\x00\x00\x01"), 0, DropNone},
		"longer than any frame":                  {LinkRaw, probeFrame(strings.Repeat("\x00\x00", 6000)), 0, DropMalformed},
		"FCS unmentioned and right":              {LinkRaw, fcsOf(good), 0, DropNone},
		"FCS declared and right":                 {LinkRadiotap, tap(0x10, fcsOf(good)), 0, DropNone},
		"FCS declared and wrong":                 {LinkRadiotap, tap(0x10, damaged), 0, DropBadFCS},
		"FCS declared, not there":                {LinkRadiotap, tap(0x10, good), 0, DropBadFCS},
		"FCS declared, partly snapped":           {LinkRadiotap, tap(0x10, damaged[:len(damaged)-1]), 1, DropNone},
		"FCS declared, wholly snapped":           {LinkRadiotap, tap(0x10, good), 4, DropNone},
		"FCS and more snapped":                   {LinkRadiotap, tap(0x10, good[:len(good)-1]), 5, DropTruncated},
		"FCS declared, frame too short for it":   {LinkRadiotap, tap(0x10, good[:26]), 0, DropShortFrame},
		"the radio says it is bad":               {LinkRadiotap, tap(0x50, fcsOf(good)), 0, DropBadFCS},
		"the radio says so, FCS not kept":        {LinkRadiotap, tap(0x40, good), 0, DropBadFCS},
		"a group address is the caller's":        {LinkRaw, AppendProbeRequest(nil, hwaddr.Addr{1}, 0, nil), 0, DropNone},
	} {
		t.Run(name, func(t *testing.T) {
			p := Probe{RSSI: 1, HasRSSI: true, Elements: []byte("of the last one")}
			got := Parse(row.link, row.data, len(row.data)+row.cut, &p)
			if got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
			if got != DropNone && (p.Addr != hwaddr.Addr{} || p.HasRSSI || p.Elements != nil) {
				t.Error("a dropped record left something of a probe request behind")
			}
			if p.HasFrame && p.FrameControl != row.data[len(row.data)-frameLength(row.link, row.data)] {
				t.Error("got another frame control byte")
			}
		})
	}
}

func frameLength(link uint16, data []byte) int {
	if link == LinkRadiotap {
		return len(data) - int(data[2])
	}
	return len(data)
}

func TestADeclaredFCSIsTakenOff(t *testing.T) {
	for _, link := range links {
		frame := probeFrame("\x00\x00\x01\x01\x82")
		data := packed(t, link, Radio{FCS: true}, frame)
		var p Probe
		if drop := Parse(link, data, len(data), &p); drop != DropNone || string(p.Elements) != "\x00\x00\x01\x01\x82" {
			t.Errorf("link %d: got %v and %d bytes of elements, want 5", link, drop, len(p.Elements))
		}
		data[len(data)-6] ^= 0x20
		drop := Parse(link, data, len(data), &p)
		declares := link == LinkRadiotap || link == LinkPPI
		if declares != (drop == DropBadFCS) {
			t.Errorf("link %d, damaged: got %v", link, drop)
		}
	}
}

func TestDropNamesAreAClosedList(t *testing.T) {
	want := []string{
		"link_unsupported", "link_header", "not_probe_request", "truncated", "bad_fcs", "short_frame", "malformed", "group_source",
	}
	var got []string
	for _, d := range Drops() {
		got = append(got, d.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if DropNone.String() != "none" || Drop(200).String() != "unknown" {
		t.Error("none and unknown have names of their own")
	}
}

func TestFrameType(t *testing.T) {
	for name, row := range map[string]struct {
		fc   byte
		want string
	}{
		"beacon":                    {0x80, "beacon"},
		"probe request":             {0x40, "probe_request"},
		"probe response":            {0x50, "probe_response"},
		"association request":       {0x00, "association_request"},
		"authentication":            {0xb0, "authentication"},
		"action":                    {0xd0, "action"},
		"reserved subtype":          {0xf0, "reserved"},
		"acknowledgement":           {0xd4, "control"},
		"data":                      {0x08, "data"},
		"QoS data":                  {0x88, "data"},
		"extension":                 {0x0c, "extension"},
		"protocol version not ours": {0x41, "reserved"},
	} {
		if got := FrameType(row.fc); got != row.want {
			t.Errorf("%s: got %q, want %q", name, got, row.want)
		}
	}
	names := map[string]bool{}
	for fc := range 256 {
		names[FrameType(byte(fc))] = true
	}
	if len(names) != 18 {
		t.Errorf("got %d names for all bytes, want 18: the metric has one series for each", len(names))
	}
}

func TestCutAtEveryByteNothingPanics(t *testing.T) {
	for _, link := range links {
		for _, withFCS := range []bool{false, true} {
			whole := packed(t, link, Radio{RSSI: -50, HasRSSI: true, FreqMHz: 2412, FCS: withFCS}, probeFrame(someHeard()[3].elements))
			for n := range whole {
				for _, origLen := range []int{n, len(whole), 0, 1 << 30} {
					var p Probe
					drop := Parse(link, whole[:n:n], origLen, &p)
					onlyFCS := withFCS && n >= len(whole)-fcsLength
					if origLen == len(whole) && drop != DropTruncated && !onlyFCS {
						t.Errorf("link %d cut at %d of %d: got %v, want %v", link, n, len(whole), drop, DropTruncated)
					}
				}
			}
		}
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	for _, link := range links {
		data := packed(t, link, Radio{RSSI: -50, HasRSSI: true, FCS: true}, probeFrame(someHeard()[3].elements))
		masked := make([]byte, 0, 4096)
		var p Probe
		elements := 0
		allocs := testing.AllocsPerRun(100, func() {
			Parse(link, data, len(data), &p)
			masked = Masked(masked[:0], p.Elements)
			for range Elements(p.Elements) {
				elements++
			}
		})
		if allocs != 0 || elements == 0 || len(masked) == 0 {
			t.Errorf("link %d: got %v allocations, want 0", link, allocs)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, link := range links {
		f.Add(link, packed(f, link, Radio{RSSI: -50, HasRSSI: true, FreqMHz: 2412, FCS: true}, probeFrame(someHeard()[3].elements)), 0)
		f.Add(link, packed(f, link, Radio{}, probeFrame("\x00\x00")), 9)
	}
	for _, row := range radiotaps() {
		f.Add(LinkRadiotap, append([]byte(row.header), probeFrame("\x00\x00")...), 0)
	}
	f.Fuzz(func(t *testing.T, link uint16, data []byte, origLen int) {
		var p Probe
		drop := Parse(link, data, origLen, &p)
		if drop != DropNone {
			if p.Elements != nil || p.HasRSSI || drop >= DropGroupSource {
				t.Fatalf("got %v with something of a probe request", drop)
			}
			return
		}
		left := len(p.Elements)
		for _, value := range Elements(p.Elements) {
			left -= 2 + len(value)
		}
		if left != 0 || !p.HasFrame || p.FrameControl != frameControlProbeRequest || len(p.Elements) > len(data) {
			t.Fatalf("got a probe request with %d bytes that are no element", left)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, link := range links {
		b.Run(fmt.Sprint(link), func(b *testing.B) {
			data := packed(b, link, Radio{RSSI: -50, HasRSSI: true, FreqMHz: 2412, FCS: true}, probeFrame(someHeard()[3].elements))
			b.ReportAllocs()
			var p Probe
			for b.Loop() {
				Parse(link, data, len(data), &p)
			}
		})
	}
}
