package capture

import "math/bits"

// Block types and option codes of pcapng (draft-ietf-opsawg-pcapng, sections 4 and 4.2).
const (
	blockInterface = 0x00000001
	blockPacket    = 0x00000002 // obsolete, still written by old tools
	blockSimple    = 0x00000003
	blockEnhanced  = 0x00000006
	blockSection   = 0x0a0d0d0a // reads the same in both byte orders

	byteOrderMagic = 0x1a2b3c4d

	optionEnd        = 0
	optionResolution = 9
	optionOffset     = 14
)

const (
	blockFrame    = 12 // type, total length, and the total length again at the end
	packetHeader  = 28 // type, length, interface, time in two halves, captured and original length
	maxInterfaces = 4096
	maxSkipped    = 64 << 20
)

// iface is one interface description: records refer to it by its number in the section.
type iface struct {
	link   uint16
	snap   uint32
	ticks  uint64 // a second
	offset int64  // seconds added to every time
}

// pcapng reads the packet blocks of a pcapng file, section after section, and passes over every other block.
type pcapng struct {
	order  order
	ifaces []iface
}

func (g *pcapng) next(w *window) (Record, error) {
	for {
		kind, total, err := g.head(w)
		if err != nil {
			return Record{}, err
		}
		switch kind {
		case blockSection, blockInterface, blockEnhanced, blockPacket, blockSimple:
		default:
			w.held = int(total)
			continue
		}
		b, err := g.block(w, total)
		if err != nil {
			return Record{}, err
		}
		switch kind {
		case blockEnhanced:
			return g.enhanced(b, g.order.u32(b[8:]))
		case blockPacket:
			return g.enhanced(b, uint32(g.order.u16(b[8:])))
		case blockSimple:
			return g.simple(b)
		case blockInterface:
			if err := g.describe(b); err != nil {
				return Record{}, err
			}
		}
	}
}

// head returns the next block's type and length, and begins a section where it is one, because the length is written in the
// section's byte order.
func (g *pcapng) head(w *window) (kind, total uint32, err error) {
	h, err := w.peek(blockFrame)
	if err != nil {
		return 0, 0, err
	}
	if kind = g.order.u32(h); kind == blockSection {
		if err := g.begin(h); err != nil {
			return 0, 0, err
		}
	}
	if total = g.order.u32(h[4:]); total < blockFrame || total > maxSkipped {
		return 0, 0, corruptError("a block's length is impossible")
	}
	return kind, total, nil
}

// begin takes the byte order of a new section and forgets the interfaces of the last one.
func (g *pcapng) begin(h []byte) error {
	for _, o := range []order{false, true} {
		if o.u32(h[8:]) == byteOrderMagic {
			g.order, g.ifaces = o, g.ifaces[:0]
			return nil
		}
	}
	return corruptError("a section header has no byte order")
}

// block returns a whole block up to its closing length and holds it. The two lengths must agree, which catches a file that
// was overwritten in the middle. Every block that comes here has at least 8 bytes of body.
func (g *pcapng) block(w *window, total uint32) ([]byte, error) {
	if total > maxBlock {
		return nil, corruptError("a block claims to be longer than 256 KiB")
	}
	n := int(total)
	b, err := w.peek(n)
	if err != nil {
		return nil, err
	}
	if n < blockFrame+4 || g.order.u32(b[n-4:]) != total {
		return nil, corruptError("a block's two lengths disagree")
	}
	w.held = n
	return b[:n-4], nil
}

// describe adds an interface. Options that are too short for what they hold are passed over.
func (g *pcapng) describe(b []byte) error {
	if len(b) < 16 || len(g.ifaces) == maxInterfaces {
		return corruptError("an interface description is impossible")
	}
	f := iface{link: g.order.u16(b[8:]), snap: g.order.u32(b[12:]), ticks: 1e6}
	for o := b[16:]; len(o) >= 4; {
		code, n := g.order.u16(o), int(g.order.u16(o[2:]))
		if code == optionEnd || 4+n > len(o) {
			break
		}
		value := o[4 : 4+n]
		switch {
		case code == optionResolution && n >= 1:
			f.ticks = ticks(value[0])
		case code == optionOffset && n >= 8:
			f.offset = int64(g.order.u64(value))
		}
		o = o[min(4+(n+3)&^3, len(o)):]
	}
	if f.ticks == 0 {
		return corruptError("an interface's clock is impossible")
	}
	g.ifaces = append(g.ifaces, f)
	return nil
}

// ticks reads if_tsresol: ticks a second, a power of two when the top bit is set, else of ten; 0 when it fits no 64 bits.
func ticks(resolution byte) uint64 {
	exponent := resolution & 0x7f
	if resolution&0x80 != 0 {
		return 1 << exponent // 0 from exponent 64 on
	}
	if exponent > 19 {
		return 0
	}
	t := uint64(1)
	for range exponent {
		t *= 10
	}
	return t
}

// nanos turns a time stamp into Unix nanoseconds; far outside our centuries it wraps around, which is the reader's to judge.
func (f *iface) nanos(t uint64) int64 {
	if f.ticks == 1e6 {
		return int64(t*1000) + f.offset*1e9
	}
	hi, lo := bits.Mul64(t%f.ticks, 1e9)
	fraction, _ := bits.Div64(hi, lo, f.ticks)
	return (int64(t/f.ticks)+f.offset)*1e9 + int64(fraction)
}

// enhanced reads an enhanced packet block, or an obsolete packet block, which only keeps its interface's number elsewhere.
func (g *pcapng) enhanced(b []byte, number uint32) (Record, error) {
	if len(b) < packetHeader {
		return Record{}, corruptError("a packet block is too short")
	}
	if uint64(number) >= uint64(len(g.ifaces)) {
		return Record{}, corruptError("a packet names an interface that was never described")
	}
	length := g.order.u32(b[20:])
	if uint64(length) > uint64(len(b)-packetHeader) {
		return Record{}, corruptError("a packet is longer than its block")
	}
	f := &g.ifaces[number]
	end := packetHeader + int(length)
	return Record{
		Time:    f.nanos(uint64(g.order.u32(b[12:]))<<32 | uint64(g.order.u32(b[16:]))),
		Link:    f.link,
		Data:    b[packetHeader:end:end],
		OrigLen: onAir(g.order.u32(b[24:])),
	}, nil
}

// simple reads a simple packet block: the section's first interface, no time, and no captured length, which is therefore the
// smallest of the original length, the snap length and what is there.
func (g *pcapng) simple(b []byte) (Record, error) {
	if len(g.ifaces) == 0 {
		return Record{}, corruptError("a packet names an interface that was never described")
	}
	original := g.order.u32(b[8:])
	length := min(original, uint32(len(b)-12))
	if snap := g.ifaces[0].snap; snap > 0 {
		length = min(length, snap)
	}
	end := 12 + int(length)
	return Record{Link: g.ifaces[0].link, Data: b[12:end:end], OrigLen: onAir(original)}, nil
}
