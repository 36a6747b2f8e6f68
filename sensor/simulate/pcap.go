package simulate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// What the simulated sensor listens to.
const (
	sensorChannel   = 6
	sensorFrequency = 2437 // MHz
)

const (
	recordLen   = 16
	radiotapLen = 24
	macLen      = 24
	flushAt     = 1 << 16
	largest     = 1 << 10 // no frame is longer
)

// frame is a probe request as the sensor hears it.
type frame struct {
	unix    int64 // capture time, microseconds
	clock   int64 // the radio's own clock, microseconds
	sender  hwaddr.Addr
	seq     uint16
	dbm     int8
	channel byte   // in the frame's DS element
	network string // SSID asked for; empty asks for any
	rest    *elements
}

// pcapWriter writes a little-endian microsecond pcap of link type 127 (radiotap).
type pcapWriter struct {
	w       io.Writer
	buf     []byte
	written int64
	head    [recordLen + radiotapLen + macLen]byte
}

func newPcapWriter(w io.Writer) *pcapWriter {
	p := &pcapWriter{w: w, buf: make([]byte, 0, flushAt+largest)}
	le := binary.LittleEndian
	p.buf = le.AppendUint32(p.buf, 0xa1b2c3d4)
	p.buf = le.AppendUint16(p.buf, 2)
	p.buf = le.AppendUint16(p.buf, 4)
	p.buf = append(p.buf, make([]byte, 8)...) // time zone and accuracy, unused
	p.buf = le.AppendUint32(p.buf, 1<<18)
	p.buf = le.AppendUint32(p.buf, 127)

	tap := p.head[recordLen:]
	le.PutUint16(tap[2:], radiotapLen)
	le.PutUint32(tap[4:], 1<<0|1<<1|1<<2|1<<3|1<<5|1<<11) // clock, flags, rate, channel, signal, antenna
	tap[16] = 0x10                                        // an FCS is at the end
	tap[17] = 2                                           // 1 Mb/s
	le.PutUint16(tap[18:], sensorFrequency)
	le.PutUint16(tap[20:], 0x00a0) // 2.4 GHz, CCK

	mac := tap[radiotapLen:]
	mac[0] = 0x40 // management, probe request
	for i := range 6 {
		mac[4+i], mac[16+i] = 0xff, 0xff
	}
	return p
}

func (p *pcapWriter) frame(f frame) error {
	start := len(p.buf)
	p.buf = append(p.buf, p.head[:]...)
	p.buf = append(append(p.buf, idSSID, byte(len(f.network))), f.network...)
	channel := len(p.buf) + f.rest.channel
	p.buf = append(p.buf, f.rest.bytes...)
	p.buf[channel] = f.channel

	record := p.buf[start:]
	le := binary.LittleEndian
	le.PutUint32(record, uint32(f.unix/1e6))
	le.PutUint32(record[4:], uint32(f.unix%1e6))
	length := uint32(len(record) - recordLen + 4)
	le.PutUint32(record[8:], length)
	le.PutUint32(record[12:], length)
	tap := record[recordLen:]
	le.PutUint64(tap[8:], uint64(f.clock))
	tap[22] = byte(f.dbm)
	mac := tap[radiotapLen:]
	copy(mac[10:], f.sender[:])
	le.PutUint16(mac[22:], f.seq<<4)
	p.buf = le.AppendUint32(p.buf, crc32.ChecksumIEEE(mac))

	if len(p.buf) >= flushAt {
		return p.flush()
	}
	return nil
}

func (p *pcapWriter) flush() error {
	n, err := p.w.Write(p.buf)
	p.written += int64(n)
	p.buf = p.buf[:0]
	return err
}

// output is where the captures go: one a store-day, or one for all.
type output struct {
	sink       func(calendar.Day) (io.WriteCloser, error)
	continuous bool
	file       io.WriteCloser
	pcap       *pcapWriter
}

func (o *output) write(w *world, x *day) (frames, error) {
	if o.file == nil {
		f, err := o.sink(x.number)
		if err != nil {
			return frames{}, fmt.Errorf("open the capture: %w", err)
		}
		o.file, o.pcap = f, newPcapWriter(f)
	}
	heard, err := w.transmit(x, o.pcap)
	if err != nil || o.continuous {
		return heard, err
	}
	return heard, o.close()
}

func (o *output) close() error {
	if o.file == nil {
		return nil
	}
	f := o.file
	o.file = nil
	return f.Close()
}

// abandon closes what is open after a failure.
func (o *output) abandon(err error) error { return errors.Join(err, o.close()) }
