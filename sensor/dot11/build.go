package dot11

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// Radio is what Append writes into a link header.
type Radio struct {
	// RSSI in dBm is written with HasRSSI.
	RSSI    int8
	HasRSSI bool
	// FreqMHz is the channel's centre frequency in MHz, 0 for not told.
	FreqMHz uint16
	// FCS appends a correct frame check sequence, and says so where the link header can.
	FCS bool
}

// AppendProbeRequest appends an 802.11 probe request to everybody, without FCS, from an address, with a sequence number (the
// lower 12 bits count) and raw information elements. It is for the simulator and for tests.
func AppendProbeRequest(dst []byte, from hwaddr.Addr, sequence uint16, elements []byte) []byte {
	dst = append(dst, frameControlProbeRequest, 0, 0, 0)
	dst = append(dst, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	dst = append(dst, from[:]...)
	dst = append(dst, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	dst = binary.LittleEndian.AppendUint16(dst, sequence<<4)
	return append(dst, elements...)
}

// Append appends an 802.11 frame under the header of a link type. The error says that the link type is none of ours.
func Append(dst []byte, link uint16, r Radio, frame []byte) ([]byte, error) {
	switch link {
	case LinkRaw:
	case LinkRadiotap:
		dst = appendRadiotap(dst, r)
	case LinkPrism:
		dst = appendPrism(dst, r, len(frame))
	case LinkAVS:
		dst = appendAVS(dst, r)
	case LinkPPI:
		dst = appendPPI(dst, r)
	default:
		return nil, errors.New("append frame: this link type is not supported; use 105, 119, 127, 163 or 192")
	}
	dst = append(dst, frame...)
	if r.FCS {
		dst = binary.LittleEndian.AppendUint32(dst, crc32.ChecksumIEEE(frame))
	}
	return dst, nil
}

func appendRadiotap(dst []byte, r Radio) []byte {
	present, length, flags := uint32(1<<radiotapFlags), 9, byte(0)
	if r.FCS {
		flags = radiotapFlagFCS
	}
	if r.FreqMHz != 0 {
		present |= 1 << radiotapChannel
		length = 14
	}
	if r.HasRSSI {
		present |= 1 << radiotapSignal
		length++
	}
	dst = append(dst, 0, 0)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(length))
	dst = binary.LittleEndian.AppendUint32(dst, present)
	dst = append(dst, flags)
	if r.FreqMHz != 0 {
		dst = append(dst, 0) // the channel is aligned to two bytes
		dst = binary.LittleEndian.AppendUint16(dst, r.FreqMHz)
		dst = append(dst, 0, 0)
	}
	if r.HasRSSI {
		dst = append(dst, byte(r.RSSI))
	}
	return dst
}

func appendPrism(dst []byte, r Radio, frame int) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, 0x44)
	dst = le.AppendUint32(dst, prismUsual)
	dst = append(dst, make([]byte, 16)...)
	values := [10]uint32{2: channelOf(r.FreqMHz), 9: uint32(frame)}
	if r.HasRSSI {
		values[5] = uint32(int32(r.RSSI))
	}
	for i, v := range values {
		dst = le.AppendUint32(dst, uint32(i+1)<<16|0x44)
		dst = le.AppendUint16(dst, 0)
		dst = le.AppendUint16(dst, 4)
		dst = le.AppendUint32(dst, v)
	}
	return dst
}

func appendAVS(dst []byte, r Radio) []byte {
	var head [avsHeader]byte
	be := binary.BigEndian
	be.PutUint32(head[0:], avsMagic|1)
	be.PutUint32(head[4:], avsHeader)
	be.PutUint32(head[28:], channelOf(r.FreqMHz))
	if r.HasRSSI {
		be.PutUint32(head[44:], avsDBm)
		be.PutUint32(head[48:], uint32(int32(r.RSSI)))
	}
	return append(dst, head[:]...)
}

func appendPPI(dst []byte, r Radio) []byte {
	var head [ppiHeader + 4 + 20]byte
	le := binary.LittleEndian
	le.PutUint16(head[2:], uint16(len(head)))
	le.PutUint32(head[4:], uint32(LinkRaw))
	le.PutUint16(head[8:], ppiCommon)
	le.PutUint16(head[10:], 20)
	common := head[12:]
	if r.FCS {
		le.PutUint16(common[8:], ppiFlagFCS)
	}
	le.PutUint16(common[12:], r.FreqMHz)
	signal := int8(ppiNoSignal)
	if r.HasRSSI {
		signal = r.RSSI
	}
	common[18] = byte(signal)
	return append(dst, head[:]...)
}

// channelOf is the inverse of frequency, 0 where there is no such channel.
func channelOf(freqMHz uint16) uint32 {
	f := uint32(freqMHz)
	switch {
	case f == channel14MHz:
		return 14
	case f >= 2412 && f <= 2472 && (f-2407)%5 == 0:
		return (f - 2407) / 5
	case f >= 5160 && f <= 5885 && f%5 == 0:
		return (f - 5000) / 5
	}
	return 0
}
