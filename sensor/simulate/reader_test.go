package simulate

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// probe is what the test's own plain reader finds in a record.
type probe struct {
	unix    int64
	sender  hwaddr.Addr
	seq     uint16
	dbm     int
	channel byte
	ssid    string
	random  bool
	ids     []byte
}

// readCapture parses a capture by the standards' tables, sharing nothing with the writer. Any oddity fails the test.
func readCapture(t testing.TB, raw []byte) []probe {
	t.Helper()
	le := binary.LittleEndian
	if len(raw) < 24 || le.Uint32(raw) != 0xa1b2c3d4 || le.Uint16(raw[4:]) != 2 || le.Uint16(raw[6:]) != 4 || le.Uint32(raw[20:]) != 127 {
		t.Fatal("not a little-endian microsecond pcap of radiotap frames")
	}
	var list []probe
	for raw = raw[24:]; len(raw) > 0; {
		if len(raw) < 16 || le.Uint32(raw[4:]) >= 1e6 || le.Uint32(raw[8:]) != le.Uint32(raw[12:]) {
			t.Fatalf("record %d has a bad header", len(list))
		}
		n := int(le.Uint32(raw[8:]))
		if len(raw) < 16+n {
			t.Fatalf("record %d is cut off", len(list))
		}
		p := readFrame(t, raw[16:16+n])
		p.unix = int64(le.Uint32(raw))*1e6 + int64(le.Uint32(raw[4:]))
		list = append(list, p)
		raw = raw[16+n:]
	}
	return list
}

func readFrame(t testing.TB, data []byte) probe {
	t.Helper()
	le := binary.LittleEndian
	tap := int(le.Uint16(data[2:]))
	if data[0] != 0 || tap != 24 || le.Uint32(data[4:]) != 0x82f || len(data) < tap+24+4 {
		t.Fatalf("radiotap header: version %d, length %d, present %#x", data[0], tap, le.Uint32(data[4:]))
	}
	if data[16]&0x10 == 0 || le.Uint16(data[18:]) != 2437 {
		t.Fatal("radiotap says no FCS, or another channel than 6")
	}
	mac, fcs := data[tap:len(data)-4], le.Uint32(data[len(data)-4:])
	if got := crc32.ChecksumIEEE(mac); got != fcs {
		t.Fatalf("FCS: got %08x, want %08x", fcs, got)
	}
	p := probe{dbm: int(int8(data[22])), sender: hwaddr.Addr(mac[10:16]), seq: le.Uint16(mac[22:]) >> 4}
	p.random = p.sender.Random()
	if mac[0] != 0x40 || mac[1] != 0 || p.sender.Group() || hwaddr.Addr(mac[4:10]) != (hwaddr.Addr{255, 255, 255, 255, 255, 255}) {
		t.Fatal("not a broadcast probe request of one sender")
	}
	for body := mac[24:]; len(body) > 0; {
		if len(body) < 2 || len(body) < 2+int(body[1]) {
			t.Fatal("an element is longer than the frame")
		}
		value := body[2 : 2+body[1]]
		switch body[0] {
		case 0:
			p.ssid = string(value)
		case 3:
			p.channel = value[0]
		}
		p.ids = append(p.ids, body[0])
		body = body[2+len(value):]
	}
	return p
}
