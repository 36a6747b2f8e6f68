package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Options choose the container a Writer makes. The zero value is the commonest: pcap, little-endian, microseconds.
type Options struct {
	// NG makes pcapng instead of pcap.
	NG bool
	// BigEndian writes every number of the container with its highest byte first.
	BigEndian bool
	// Nano keeps nanoseconds instead of microseconds.
	Nano bool
}

// Writer writes a capture file of one link type, for the simulator and for tests. It makes one Write for each record, so
// give it a buffered writer.
type Writer struct {
	w       io.Writer
	options Options
	order   binary.AppendByteOrder
	buf     []byte
}

// NewWriter writes the file's header for a LINKTYPE_ number.
func NewWriter(w io.Writer, link uint16, options Options) (*Writer, error) {
	out := &Writer{w: w, options: options, order: binary.LittleEndian}
	if options.BigEndian {
		out.order = binary.BigEndian
	}
	if options.NG {
		out.sectionAndInterface(link)
	} else {
		magic := uint32(magicMicro)
		if options.Nano {
			magic = magicNano
		}
		out.u32(magic)
		out.u16(2, 4)         // version
		out.u32(0, 0)         // time zone, accuracy: always 0
		out.u32(maxRecord)    // snap length
		out.u32(uint32(link)) // LINKTYPE_
	}
	if err := out.flush(); err != nil {
		return nil, fmt.Errorf("write capture header: %w", err)
	}
	return out, nil
}

// Write appends a record. Its Link is not looked at; OrigLen 0 means the length of Data. Times outside 1970 to 2105 and
// data longer than 256 KiB are refused.
func (w *Writer) Write(rec Record) error {
	if rec.Time < 0 || rec.Time/1e9 > 1<<32-1 {
		return errors.New("write capture record: its time fits no capture file; use one between 1970 and 2105")
	}
	if len(rec.Data) > maxRecord {
		return errors.New("write capture record: it is longer than 256 KiB; no radio sends such a frame")
	}
	original := rec.OrigLen
	if original == 0 {
		original = len(rec.Data)
	}
	if w.options.NG {
		w.enhanced(rec, uint32(original))
	} else {
		fraction := rec.Time % 1e9
		if !w.options.Nano {
			fraction /= 1000
		}
		w.u32(uint32(rec.Time/1e9), uint32(fraction), uint32(len(rec.Data)), uint32(original))
		w.buf = append(w.buf, rec.Data...)
	}
	if err := w.flush(); err != nil {
		return fmt.Errorf("write capture record: %w", err)
	}
	return nil
}

func (w *Writer) sectionAndInterface(link uint16) {
	w.u32(blockSection, 28, byteOrderMagic)
	w.u16(1, 0)                 // version
	w.u32(1<<32-1, 1<<32-1, 28) // section length unknown
	w.u32(blockInterface)
	if !w.options.Nano {
		w.u32(20)
		w.u16(link, 0)
		w.u32(0, 20) // snap length: no limit
		return
	}
	w.u32(32)
	w.u16(link, 0)
	w.u32(0)
	w.u16(optionResolution, 1)
	w.buf = append(w.buf, 9, 0, 0, 0)
	w.u16(optionEnd, 0)
	w.u32(32)
}

func (w *Writer) enhanced(rec Record, original uint32) {
	t := uint64(rec.Time)
	if !w.options.Nano {
		t /= 1000
	}
	padded := (len(rec.Data) + 3) &^ 3
	total := uint32(packetHeader + padded + 4)
	w.u32(blockEnhanced, total, 0, uint32(t>>32), uint32(t), uint32(len(rec.Data)), original)
	w.buf = append(w.buf, rec.Data...)
	w.buf = append(w.buf, make([]byte, padded-len(rec.Data))...)
	w.u32(total)
}

func (w *Writer) u16(values ...uint16) {
	for _, v := range values {
		w.buf = w.order.AppendUint16(w.buf, v)
	}
}

func (w *Writer) u32(values ...uint32) {
	for _, v := range values {
		w.buf = w.order.AppendUint32(w.buf, v)
	}
}

func (w *Writer) flush() error {
	_, err := w.w.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}
