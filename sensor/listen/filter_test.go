package listen

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/bpf"

	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// links are the link types that an interface can give.
var links = []uint16{dot11.LinkRaw, dot11.LinkPrism, dot11.LinkRadiotap}

// probe is a probe request from a made-up phone; the sequence number tells them apart.
func probe(sequence uint16) []byte {
	elements := []byte("\x00\x04shop\x01\x04\x02\x04\x0b\x16\x03\x01\x06")
	return dot11.AppendProbeRequest(nil, hwaddr.Addr{0x02, 1, 2, 3, 4, 5}, sequence, elements)
}

// under puts a frame under a link header.
func under(t testing.TB, link uint16, frame []byte) []byte {
	t.Helper()
	out, err := dot11.Append(nil, link, dot11.Radio{RSSI: -60, HasRSSI: true, FreqMHz: 2437, FCS: true}, frame)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// ofType is a frame like a probe request whose first byte is another.
func ofType(frameControl byte) []byte {
	frame := probe(1)
	frame[0] = frameControl
	return frame
}

// prism is a Prism header with a length field as given, filled up to size, and a frame after it.
func prism(order binary.AppendByteOrder, length uint32, size int, frame []byte) string {
	b := order.AppendUint32(nil, 0x44)
	b = order.AppendUint32(b, length)
	for len(b) < size {
		b = append(b, 0x11)
	}
	return string(append(b, frame...))
}

// avs is an AVS header of a version with a length field as given, filled up to size, and a frame after it.
func avs(version byte, length uint32, size int, frame []byte) string {
	b := []byte{0x80, 0x21, 0x10, version}
	b = binary.BigEndian.AppendUint32(b, length)
	return string(append(append(b, make([]byte, size-8)...), frame...))
}

type frameRow struct {
	link uint16
	data string
	want bool // passes
}

// frameRows are frames for the filter, here and in the kernel. None is shorter than the 14 bytes that a TAP device takes.
func frameRows(t testing.TB) map[string]frameRow {
	le, be := binary.LittleEndian, binary.BigEndian
	p, beacon := probe(1), ofType(0x80)
	rows := map[string]frameRow{
		"raw, cut in its header":              {dot11.LinkRaw, string(p[:14]), true},
		"radiotap of the shortest length":     {dot11.LinkRadiotap, "\x00\x00\x08\x00\x00\x00\x00\x00" + string(p), true},
		"radiotap longer than 255 bytes":      {dot11.LinkRadiotap, "\x00\x00\x08\x01" + strings.Repeat("\x00", 260) + string(p), true},
		"radiotap without a frame":            {dot11.LinkRadiotap, "\x00\x00\x10\x00" + strings.Repeat("\x40", 12), false},
		"radiotap longer than the frame":      {dot11.LinkRadiotap, "\x00\x00\xff\xff" + strings.Repeat("\x40", 99), false},
		"radiotap before a beacon":            {dot11.LinkRadiotap, "\x00\x00\x08\x00\x00\x00\x00\x00" + string(beacon), false},
		"prism in big-endian":                 {dot11.LinkPrism, prism(be, 144, 144, p), true},
		"prism with two items":                {dot11.LinkPrism, prism(le, 48, 48, p), true},
		"prism with no item":                  {dot11.LinkPrism, prism(le, 24, 24, p), true},
		"prism with no length":                {dot11.LinkPrism, prism(le, 0, 144, p), true},
		"prism with half an item":             {dot11.LinkPrism, prism(le, 50, 144, p), true},
		"prism with a length of nonsense":     {dot11.LinkPrism, prism(le, 0xfffffff1, 144, p), true},
		"prism, nonsense but whole items":     {dot11.LinkPrism, prism(le, 0xfffffffc, 144, p), false},
		"prism longer than the frame":         {dot11.LinkPrism, prism(le, 24+12*99, 144, p), false},
		"prism before a beacon":               {dot11.LinkPrism, prism(le, 144, 144, beacon), false},
		"AVS version 1 with Prism's number":   {dot11.LinkPrism, avs(1, 64, 64, p), true},
		"AVS version 2, a longer header":      {dot11.LinkPrism, avs(2, 80, 80, p), true},
		"AVS before a beacon":                 {dot11.LinkPrism, avs(1, 64, 64, beacon), false},
		"AVS longer than the frame":           {dot11.LinkPrism, avs(1, 4000, 64, p), false},
		"AVS with a length below 0":           {dot11.LinkPrism, avs(1, 0xffffffff, 64, p), false},
		"AVS that aims at the link header":    {dot11.LinkPrism, avs(1, 0xffe00000, 64, ofType(0x40)), false},
		"AVS that aims at the network header": {dot11.LinkPrism, avs(1, 0xfff00000, 64, p), false},
		"AVS that aims at the packet's type":  {dot11.LinkPrism, avs(1, 0xfffff004, 64, p), false},
	}
	for _, link := range links {
		name := map[uint16]string{dot11.LinkRaw: "raw", dot11.LinkPrism: "prism", dot11.LinkRadiotap: "radiotap"}[link]
		for what, frame := range map[string][]byte{
			"a probe request": p, "a beacon": beacon, "a probe response": ofType(0x50), "data": ofType(0x08), "an ack": ofType(0xd4),
			"another version": ofType(0x41), "an extension": ofType(0x4c),
		} {
			rows[name+", "+what] = frameRow{link, string(under(t, link, frame)), frame[0] == probeRequest}
		}
	}
	return rows
}

func machine(t testing.TB, link uint16) *bpf.VM {
	t.Helper()
	program, err := filter(link)
	if err != nil {
		t.Fatal(err)
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

func passes(t testing.TB, vm *bpf.VM, data []byte) bool {
	t.Helper()
	n, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

func TestFilter(t *testing.T) {
	for name, row := range frameRows(t) {
		t.Run(name, func(t *testing.T) {
			if got := passes(t, machine(t, row.link), []byte(row.data)); got != row.want {
				t.Errorf("got passes %v, want %v", got, row.want)
			}
			agree(t, machine(t, row.link), row.link, []byte(row.data), len(row.data))
		})
	}
}

func TestFilterRefusesOtherLinkTypes(t *testing.T) {
	for name, link := range map[string]uint16{"Ethernet": 1, "AVS has no number of its own": dot11.LinkAVS, "PPI": dot11.LinkPPI} {
		if program, err := filter(link); err == nil || program != nil {
			t.Errorf("%s: got %d instructions and %v, want an error", name, len(program), err)
		}
	}
}

// agree compares the filter with dot11.Parse: what Parse finds to be a probe request passes, however much of it was kept; what
// passes is one, or has a link header that Parse refuses.
func agree(t *testing.T, vm *bpf.VM, link uint16, data []byte, snap int) {
	t.Helper()
	var p dot11.Probe
	passed := passes(t, vm, data)
	for _, kept := range [][]byte{data, data[:min(snap, len(data))]} {
		dot11.Parse(link, kept, len(data), &p)
		if p.HasFrame && p.FrameControl == probeRequest && !passed {
			t.Errorf("link type %d, %d of %d bytes: the filter drops what Parse finds to be a probe request", link, len(kept), len(data))
		}
	}
	drop := dot11.Parse(link, data, len(data), &p)
	if passed && drop != dot11.DropLinkHeader && (!p.HasFrame || p.FrameControl != probeRequest) {
		t.Errorf("link type %d: the filter passes what Parse calls %v", link, drop)
	}
}

// TestFilterAgreesWithParse changes bytes of good link headers, where most of the decisions are.
func TestFilterAgreesWithParse(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	values := []byte{0x00, 0x01, 0x18, 0x24, 0x40, 0x44, 0x48, 0x80, 0x90, 0xff}
	for _, header := range append(links, dot11.LinkAVS) {
		link := header
		if link == dot11.LinkAVS {
			link = dot11.LinkPrism
		}
		vm := machine(t, link)
		good := under(t, header, probe(1))
		for range 20000 {
			data := append([]byte(nil), good...)
			for range 1 + dice.IntN(3) {
				value := values[dice.IntN(len(values))]
				data[dice.IntN(min(12, len(data)))] = value
				data[dice.IntN(len(data))] = value
			}
			agree(t, vm, link, data[:1+dice.IntN(len(data))], dice.IntN(200))
		}
	}
}

func FuzzFilter(f *testing.F) {
	machines := map[uint16]*bpf.VM{}
	for _, link := range links {
		machines[link] = machine(f, link)
	}
	for _, row := range frameRows(f) {
		f.Add(byte(row.link), uint16(100), []byte(row.data))
	}
	f.Add(byte(dot11.LinkRaw), uint16(0), []byte{})
	f.Add(byte(dot11.LinkPrism), uint16(7), []byte("\x44\x00\x00\x00\x90\x00\x00"))
	f.Fuzz(func(t *testing.T, link byte, snap uint16, data []byte) {
		if vm, ok := machines[uint16(link)]; ok {
			agree(t, vm, uint16(link), data, int(snap))
			return
		}
		for link, vm := range machines {
			agree(t, vm, link, data, int(snap))
		}
	})
}
