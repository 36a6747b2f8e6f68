// Package dot11 finds probe requests in captured frames. In come a link type and the bytes of one record; out go the source
// address, the signal strength and the raw information elements of a probe request, or the reason why it is not one. It
// allocates nothing, keeps nothing, and never decodes an SSID.
package dot11

import (
	"hash/crc32"

	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// Link types that Parse understands, by their LINKTYPE_ numbers (tcpdump.org/linktypes.html).
const (
	LinkRaw      uint16 = 105 // the 802.11 frame and nothing before it
	LinkPrism    uint16 = 119 // a Prism header, or an AVS header under Prism's number
	LinkRadiotap uint16 = 127
	LinkAVS      uint16 = 163
	LinkPPI      uint16 = 192
)

const (
	macHeader = 24 // frame control, duration, three addresses, sequence control
	fcsLength = 4
	// longestFrame is the longest frame of the standard (an HE MPDU, IEEE 802.11-2020 table 9-25 and 802.11ax). It also
	// bounds what Masked may be made to work by a forged file.
	longestFrame = 11454
)

// Probe is what Parse finds in a record. Only FrameControl is set when the record is dropped.
type Probe struct {
	// Addr is the transmitter's address. It may be a group address, which no single device has: the caller asks Addr.Group()
	// and counts DropGroupSource.
	Addr hwaddr.Addr
	// RSSI is the signal strength in dBm; meaningful only with HasRSSI.
	RSSI    int8
	HasRSSI bool
	// FreqMHz is the channel's centre frequency in MHz, 0 when the link header does not tell.
	FreqMHz uint16
	// FrameControl is the first byte of the 802.11 frame: version, type and subtype. It is set for dropped records too as
	// soon as HasFrame is, so that frames can be counted by type.
	FrameControl byte
	// HasFrame reports that the link header was understood and at least one byte of the frame was captured.
	HasFrame bool
	// Elements are the whole information elements, SSID included: an alias of the record's data, valid as long as that is.
	Elements []byte
}

// fcs says what a link header tells about the frame check sequence at the frame's end.
type fcs uint8

const (
	fcsUnknown fcs = iota // not told: there is one when the last four bytes are a correct one
	fcsAbsent
	fcsPresent
	fcsBad // present, and the radio already found it wrong
)

// reception is what a link header tells: its length in bytes, and the rest where it is known.
type reception struct {
	length  int
	fcs     fcs
	freq    uint16
	rssi    int8
	hasRSSI bool
}

// Parse looks for a probe request in a record of the given link type, captured as data and origLen bytes long on the air
// (smaller values than len(data) mean "the same"). It overwrites p and returns DropNone, or the reason for which the record
// is of no use.
//
// The frame's type is judged first: nothing but a probe request is looked at any closer, so a snapped or damaged frame of
// another type counts as DropNotProbeRequest under every link header. A snapped probe request is DropTruncated, because
// the class of its phone comes from all its elements; only an FCS may be missing.
func Parse(link uint16, data []byte, origLen int, p *Probe) Drop {
	*p = Probe{}
	cut := max(0, origLen-len(data))
	var r reception
	if drop := linkHeader(link, data, &r); drop != DropNone {
		if drop == DropLinkHeader && cut > 0 {
			return DropTruncated
		}
		return drop
	}
	frame := data[r.length:]
	if len(frame) == 0 {
		return shortOr(cut)
	}
	p.FrameControl, p.HasFrame = frame[0], true
	if frame[0] != frameControlProbeRequest {
		return DropNotProbeRequest
	}
	frame, drop := checkFCS(frame, cut, r.fcs)
	if drop != DropNone {
		return drop
	}
	if len(frame) < macHeader {
		return DropShortFrame
	}
	if len(frame) > longestFrame {
		return DropMalformed
	}
	elements, ok := whole(frame[macHeader:])
	if !ok {
		return DropMalformed
	}
	p.Addr = hwaddr.Addr(frame[10:16])
	p.RSSI, p.HasRSSI, p.FreqMHz = r.rssi, r.hasRSSI, r.freq
	p.Elements = elements
	return DropNone
}

func shortOr(cut int) Drop {
	if cut > 0 {
		return DropTruncated
	}
	return DropShortFrame
}

// linkHeader reads the header of one link type into r; r.length is at most len(data) when it returns DropNone.
func linkHeader(link uint16, data []byte, r *reception) Drop {
	ok := true
	switch link {
	case LinkRaw:
	case LinkRadiotap:
		ok = radiotap(data, r)
	case LinkPrism:
		ok = prism(data, r)
	case LinkAVS:
		ok = avs(data, r)
	case LinkPPI:
		ok = ppi(data, r)
	default:
		return DropLinkUnsupported
	}
	if !ok {
		return DropLinkHeader
	}
	return DropNone
}

// checkFCS takes the frame check sequence off a frame of which cut bytes were not captured. Most link headers cannot say
// whether there is one; then it is there if and only if it is correct, which is wrong once in four thousand million frames.
func checkFCS(frame []byte, cut int, state fcs) ([]byte, Drop) {
	switch {
	case state == fcsBad:
		return nil, DropBadFCS
	case cut > 0 && state == fcsPresent && cut <= fcsLength:
		// Nothing but the FCS was snapped, so it cannot be checked and the elements are whole.
		return frame[:max(0, len(frame)-(fcsLength-cut))], DropNone
	case cut > 0:
		return nil, DropTruncated
	case state == fcsAbsent:
		return frame, DropNone
	case len(frame) < macHeader+fcsLength && state == fcsPresent:
		return nil, DropShortFrame
	case len(frame) < macHeader+fcsLength:
		return frame, DropNone // no room for one
	}
	body, tail := frame[:len(frame)-fcsLength], frame[len(frame)-fcsLength:]
	right := crc32.ChecksumIEEE(body) == le32(tail)
	switch {
	case right:
		return body, DropNone
	case state == fcsPresent:
		return nil, DropBadFCS
	}
	return frame, DropNone
}
