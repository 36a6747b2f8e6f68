package dot11

import "encoding/binary"

const (
	prismHeader  = 24 // message code, length, device name
	prismItem    = 12 // what it is, status, length, value
	prismUsual   = 144
	avsHeader    = 64
	avsMagic     = 0x80211000 // with the version in the last three digits
	avsDBm       = 2          // ssi_type
	ppiHeader    = 8
	ppiCommon    = 2 // the "802.11-Common" field
	ppiNoSignal  = -128
	ppiFlagFCS   = 0x0001
	ppiFlagBad   = 0x0004
	ppiAligned   = 0x01
	channel14MHz = 2484
)

// prism reads a Prism header (wlan-ng's p80211 message), which drivers write in the machine's byte order, or the AVS header
// that some put under the same link type. The header is 144 bytes unless it plausibly says otherwise.
func prism(data []byte, r *reception) bool {
	if len(data) < prismHeader {
		return false
	}
	if binary.BigEndian.Uint32(data)&^0xfff == avsMagic {
		return avs(data, r)
	}
	var order binary.ByteOrder = binary.LittleEndian
	length := order.Uint32(data[4:])
	if big := binary.BigEndian.Uint32(data[4:]); length > 1<<16 && big <= 1<<16 {
		order, length = binary.BigEndian, big
	}
	if length < prismHeader || (length-prismHeader)%prismItem != 0 {
		length = prismUsual
	}
	if uint64(length) > uint64(len(data)) {
		return false
	}
	r.length = int(length)
	for item := data[prismHeader:length]; len(item) >= prismItem; item = item[prismItem:] {
		prismValue(order.Uint32(item), order.Uint32(item[8:]), r)
	}
	return true
}

// prismValue reads one item. Its number stands above the message code 0x44 or 0x41, in the upper half of the word or right
// above the code, as the driver's author read the scheme. The status field is not looked at: drivers disagree about its
// meaning, and an item that was not supplied is 0, which is neither a channel nor a signal anybody hears.
func prismValue(id, value uint32, r *reception) {
	if code := id & 0xfff; code != 0x44 && code != 0x41 {
		return
	}
	number := id >> 12
	if number >= 16 {
		number >>= 4
	}
	const channel, rssi, signal = 3, 4, 6
	switch number {
	case channel:
		r.freq = frequency(value)
	case rssi, signal:
		// Either may be dBm, and the signal comes later and wins. Positive values are on a scale of the chip's own.
		if dbm := int32(value); dbm >= -127 && dbm < 0 {
			r.rssi, r.hasRSSI = int8(dbm), true
		} else if value > 128 && value <= 255 {
			r.rssi, r.hasRSSI = int8(value), true // a signed byte that was widened without its sign
		}
	}
}

// avs reads an AVS header (wlan-ng's "capture frame format", versions 1 and 2), big-endian throughout.
func avs(data []byte, r *reception) bool {
	if len(data) < avsHeader || binary.BigEndian.Uint32(data)&^0xfff != avsMagic {
		return false
	}
	length := binary.BigEndian.Uint32(data[4:])
	if length < avsHeader || uint64(length) > uint64(len(data)) {
		return false
	}
	r.length = int(length)
	r.freq = frequency(binary.BigEndian.Uint32(data[28:]))
	dbm := int32(binary.BigEndian.Uint32(data[48:]))
	if binary.BigEndian.Uint32(data[44:]) == avsDBm && dbm >= -128 && dbm <= 127 {
		r.rssi, r.hasRSSI = int8(dbm), true
	}
	return true
}

// ppi reads a per-packet information header (CACE's PPI 1.0), little-endian, around an 802.11 frame.
func ppi(data []byte, r *reception) bool {
	if len(data) < ppiHeader || data[0] != 0 || le32(data[4:]) != uint32(LinkRaw) {
		return false
	}
	length := int(le16(data[2:]))
	if length < ppiHeader || length > len(data) {
		return false
	}
	r.length = length
	for field := data[ppiHeader:length]; len(field) >= 4; {
		kind, n := le16(field), int(le16(field[2:]))
		if 4+n > len(field) {
			return true // what came before is used, as with radiotap
		}
		if kind == ppiCommon && n >= 20 {
			ppiRadio(field[4:], r)
		}
		if data[1]&ppiAligned != 0 {
			n = (n + 3) &^ 3
		}
		field = field[min(4+n, len(field)):]
	}
	return true
}

// ppiRadio reads the 802.11-Common field. A clear FCS flag does not mean that there is none: many writers leave it clear.
func ppiRadio(common []byte, r *reception) {
	switch flags := le16(common[8:]); {
	case flags&ppiFlagBad != 0:
		r.fcs = fcsBad
	case flags&ppiFlagFCS != 0:
		r.fcs = fcsPresent
	}
	r.freq = le16(common[12:])
	if signal := int8(common[18]); signal != ppiNoSignal {
		r.rssi, r.hasRSSI = signal, true
	}
}

// frequency is the centre frequency in MHz of a channel number of the 2.4 and 5 GHz bands, 0 for anything else (IEEE
// 802.11-2020, 15.4.4.3 and 17.3.8.4.2).
func frequency(channel uint32) uint16 {
	switch {
	case channel >= 1 && channel <= 13:
		return uint16(2407 + 5*channel)
	case channel == 14:
		return channel14MHz
	case channel >= 32 && channel <= 177:
		return uint16(5000 + 5*channel)
	}
	return 0
}
