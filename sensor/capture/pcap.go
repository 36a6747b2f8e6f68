package capture

import (
	"encoding/binary"
	"errors"
	"io"
)

// The magic numbers of a pcap file's first four bytes, read in the file's own byte order (libpcap's savefile format).
const (
	magicMicro = 0xa1b2c3d4
	magicNano  = 0xa1b23c4d
)

const (
	pcapHeader   = 24
	recordHeader = 16
)

// order is a byte order, true for big-endian. A bool and not a binary.ByteOrder, so that reading a field is inlined.
type order bool

func (o order) u16(b []byte) uint16 {
	if o {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (o order) u32(b []byte) uint32 {
	if o {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (o order) u64(b []byte) uint64 {
	if o {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

// pcap reads the records of a classic pcap file.
type pcap struct {
	order order
	// unit is the length of a tick of the fraction field in nanoseconds.
	unit int64
	link uint16
}

// newPcap reads the file's header. The snap length in it is not looked at: writers put 0 there, or too little.
func newPcap(w *window) (container, error) {
	magic, err := w.peek(4)
	if err != nil {
		return nil, err
	}
	p := &pcap{}
	for _, o := range []order{false, true} {
		switch o.u32(magic) {
		case magicMicro:
			p.order, p.unit = o, 1000
		case magicNano:
			p.order, p.unit = o, 1
		}
	}
	if p.unit == 0 {
		return nil, ErrNotCapture
	}
	h, err := w.peek(pcapHeader)
	if err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = corruptError("its file header is cut")
		}
		return nil, err
	}
	// The upper 16 bits of the field say how long an FCS is, where anybody fills them in; dot11 checks the FCS itself.
	p.link = uint16(p.order.u32(h[20:]))
	w.held = pcapHeader
	return p, nil
}

func (p *pcap) next(w *window) (Record, error) {
	h, err := w.peek(recordHeader)
	if err != nil {
		return Record{}, err
	}
	length := p.order.u32(h[8:])
	if length > maxRecord {
		return Record{}, corruptError("a record claims to be longer than 256 KiB")
	}
	n := recordHeader + int(length)
	b, err := w.peek(n)
	if err != nil {
		return Record{}, err
	}
	w.held = n
	return Record{
		Time:    int64(p.order.u32(b))*1e9 + int64(p.order.u32(b[4:]))*p.unit,
		Link:    p.link,
		Data:    b[recordHeader:n:n],
		OrigLen: onAir(p.order.u32(b[12:])),
	}, nil
}

// onAir makes an int of a 32-bit length, on 32-bit machines too, where a nonsensical one would become negative.
func onAir(length uint32) int { return int(min(length, 1<<30)) }
