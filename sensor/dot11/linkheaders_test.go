package dot11

import (
	"encoding/binary"
	"strings"
	"testing"
)

// headerRow is a link header written by hand and what it tells.
type headerRow struct {
	header string
	rssi   int8 // 0: none
	freq   uint16
	drop   Drop
}

func tapHeader(rest string) string {
	n := len(rest) + 4
	return "\x00\x00" + string([]byte{byte(n), byte(n >> 8)}) + rest
}

func radiotaps() map[string]headerRow {
	const ch6 = "\x85\x09\xa0\x00" // 2437 MHz, flags
	return map[string]headerRow{
		"no field at all":                 {tapHeader("\x00\x00\x00\x00"), 0, 0, DropNone},
		"channel and signal (brno-lab)":   {tapHeader("\x28\x08\x00\x00" + ch6 + "\xc0\x00"), -64, 2437, DropNone},
		"rate, channel, signal (polito)":  {tapHeader("\x2e\x48\x00\x00\x00\x02" + ch6 + "\xb0\x00\x00\x00\x01\x00"), -80, 2437, DropNone},
		"a time before it, aligned to 8":  {tapHeader("\x2b\x00\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00" + ch6 + "\xc0"), -64, 2437, DropNone},
		"two antennas (ath9k, mac80211)":  {tapHeader("\x28\x00\x00\xa0\x20\x08\x00\xa0\x20\x08\x00\x00" + ch6 + "\xc0\xc8\x00\xbe\x01"), -64, 2437, DropNone},
		"antennas only: the strongest":    {tapHeader("\x08\x00\x00\xa0\x20\x08\x00\xa0\x20\x08\x00\x00" + ch6 + "\xb8\x00\xbe\x01"), -66, 2437, DropNone},
		"antennas only: the first is it":  {tapHeader("\x00\x00\x00\xa0\x20\x08\x00\xa0\x20\x08\x00\x00" + "\xbe\x00\xb8\x01"), -66, 0, DropNone},
		"a vendor's data before antennas": {tapHeader("\x08\x00\x00\xc0\xff\xff\xff\xbf\x20\x00\x00\x00" + ch6 + "\x00\x11\x22\x00\x03\x00xyz\xc0"), -64, 2437, DropNone},
		"a vendor's data after the signal": {
			tapHeader("\x20\x00\x00\xc0\xff\x00\x00\x00\xc0\x00\x00\x11\x22\x00\x02\x00xy"), -64, 0, DropNone,
		},
		"a vendor's data that runs out":  {tapHeader("\x20\x00\x00\xc0\xff\x00\x00\x20\xc0\x00\x00\x11\x22\x00\xff\xff"), -64, 0, DropNone},
		"a vendor's header that is cut":  {tapHeader("\x20\x00\x00\xc0\xff\x00\x00\x20\xc0\x00\x00"), -64, 0, DropNone},
		"fields nobody defined":          {tapHeader("\x20\x00\x00\x80\x20\x00\x00\x00\xc0\xff"), -64, 0, DropNone},
		"type-length-value fields":       {tapHeader("\x20\x00\x00\xb0\x20\x00\x00\x00\xc0\xff\xff\xff"), -64, 0, DropNone},
		"a signal behind an HE field":    {tapHeader("\x00\x00\x80\xa0\x20\x00\x00\x00" + strings.Repeat("h", 12) + "\xc0"), -64, 0, DropNone},
		"a field that does not fit":      {tapHeader("\x28\x00\x00\x00\x85\x09"), 0, 0, DropNone},
		"a signal that does not fit":     {tapHeader("\x28\x00\x00\x00" + ch6), 0, 2437, DropNone},
		"another version":                {"\x01\x00\x08\x00\x00\x00\x00\x00", 0, 0, DropLinkHeader},
		"shorter than its own head":      {"\x00\x00\x07\x00\x00\x00\x00\x00", 0, 0, DropLinkHeader},
		"longer than what was captured":  {"\x00\x00\xff\x00\x00\x00\x00\x00", 0, 0, DropLinkHeader},
		"present words without an end":   {tapHeader("\x00\x00\x00\x80\x00\x00\x00\x80"), 0, 0, DropLinkHeader},
		"more present words than fields": {tapHeader(strings.Repeat("\x00\x00\x00\xa0", 99) + "\x00\x00\x00\x00"), 0, 0, DropLinkHeader},
	}
}

func checkHeaders(t *testing.T, link uint16, rows map[string]headerRow) {
	t.Helper()
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			data := append([]byte(row.header), probeFrame("\x00\x00\x01\x01\x82")...)
			var p Probe
			drop := Parse(link, data, len(data), &p)
			if drop != row.drop {
				t.Fatalf("got %v, want %v", drop, row.drop)
			}
			if drop == DropNone && string(p.Elements) != "\x00\x00\x01\x01\x82" {
				t.Errorf("got other elements")
			}
			if p.RSSI != row.rssi || p.HasRSSI != (row.rssi != 0) || p.FreqMHz != row.freq {
				t.Errorf("got %d dBm (%v), %d MHz, want %d dBm, %d MHz", p.RSSI, p.HasRSSI, p.FreqMHz, row.rssi, row.freq)
			}
		})
	}
}

func TestRadiotap(t *testing.T) { checkHeaders(t, LinkRadiotap, radiotaps()) }

// prismOf writes a Prism header of the given items: number, value. shift is where the item's number stands.
func prismOf(o binary.AppendByteOrder, length, code uint32, shift int, items ...[2]uint32) string {
	b := o.AppendUint32(nil, code)
	b = o.AppendUint32(b, length)
	b = append(b, "wlan0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	for _, item := range items {
		b = o.AppendUint32(b, item[0]<<shift|code)
		b = o.AppendUint32(b, 4<<16)
		b = o.AppendUint32(b, item[1])
	}
	return string(b)
}

func TestPrism(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	usual := func(channel, rssi, signal uint32) [][2]uint32 {
		return [][2]uint32{{1, 5}, {2, 5}, {3, channel}, {4, rssi}, {5, 0}, {6, signal}, {7, 0xffffffa0}, {8, 2}, {9, 0}, {10, 29}}
	}
	minus := func(n int32) uint32 { return uint32(-n) }
	checkHeaders(t, LinkPrism, map[string]headerRow{
		"madwifi: numbers in the upper half":  {prismOf(le, 144, 0x44, 16, usual(6, 30, minus(65))...), -65, 2437, DropNone},
		"hostap: numbers above the code":      {prismOf(le, 144, 0x44, 12, usual(11, 30, minus(70))...), -70, 2462, DropNone},
		"wlan-ng: the other code":             {prismOf(le, 144, 0x41, 12, usual(1, 0, minus(70))...), -70, 2412, DropNone},
		"a big-endian router":                 {prismOf(be, 144, 0x44, 16, usual(36, 30, minus(65))...), -65, 5180, DropNone},
		"only the RSSI is in dBm":             {prismOf(le, 144, 0x44, 16, usual(6, minus(61), 0)...), -61, 2437, DropNone},
		"a signed byte, widened":              {prismOf(le, 144, 0x44, 16, usual(6, 0, 0xbf)...), -65, 2437, DropNone},
		"on a scale of its own":               {prismOf(le, 144, 0x44, 16, usual(6, 30, 60)...), 0, 2437, DropNone},
		"fewer items":                         {prismOf(le, 24+36, 0x44, 16, usual(6, 30, minus(65))[3:6]...), -65, 0, DropNone},
		"all items empty (frame-formats)":     {"@MDA\x90\x00\x00\x00" + strings.Repeat("\x00", 136), 0, 0, DropNone},
		"a length that cannot be":             {prismOf(le, 25, 0x44, 16, usual(6, 30, minus(65))...), -65, 2437, DropNone},
		"longer than what was captured":       {prismOf(le, 24+12*99, 0x44, 16), 0, 0, DropLinkHeader},
		"AVS under Prism's number":            {avsOf(1, 64, 2, minus(70), 6), -70, 2437, DropNone},
		"AVS under Prism's number, cut short": {avsOf(1, 64, 2, minus(70), 6)[:30], 0, 0, DropLinkHeader},
	})
}

func avsOf(version byte, length byte, ssiType byte, ssi uint32, channel byte) string {
	b := []byte(strings.Repeat("\x00", int(max(length, 64))))
	copy(b, "\x80\x21\x10")
	b[3], b[7], b[31], b[47] = version, length, channel, ssiType
	binary.BigEndian.PutUint32(b[48:], ssi)
	return string(b)
}

func TestAVS(t *testing.T) {
	minus := func(n int32) uint32 { return uint32(-n) }
	checkHeaders(t, LinkAVS, map[string]headerRow{
		"version 1 in dBm":              {avsOf(1, 64, 2, minus(70), 6), -70, 2437, DropNone},
		"version 2, longer":             {avsOf(2, 96, 2, minus(71), 14), -71, 2484, DropNone},
		"normalised RSSI":               {avsOf(1, 64, 1, 40, 36), 0, 5180, DropNone},
		"raw RSSI":                      {avsOf(1, 64, 3, minus(40), 36), 0, 5180, DropNone},
		"no signal":                     {avsOf(1, 64, 0, 0, 0), 0, 0, DropNone},
		"a signal beyond a byte":        {avsOf(1, 64, 2, minus(700), 6), 0, 2437, DropNone},
		"shorter than its own fields":   {avsOf(1, 32, 2, minus(70), 6), 0, 0, DropLinkHeader},
		"longer than what was captured": {avsOf(1, 255, 2, minus(70), 6)[:64], 0, 0, DropLinkHeader},
		"not its magic":                 {"\x80\x21\x20" + avsOf(1, 64, 2, minus(70), 6)[3:], 0, 0, DropLinkHeader},
	})
}

func ppiOf(flags byte, dlt byte, fields string) string {
	n := 8 + len(fields)
	return string([]byte{0, flags, byte(n), byte(n >> 8), dlt, 0, 0, 0}) + fields
}

func TestPPI(t *testing.T) {
	common := func(flags string, freq string, signal string) string {
		return "\x02\x00\x14\x00" + strings.Repeat("t", 8) + flags + "\x02\x00" + freq + "\x80\x00\x00\x00" + signal + "\xa0"
	}
	checkHeaders(t, LinkPPI, map[string]headerRow{
		"no field (frame-formats)":      {ppiOf(0, 105, ""), 0, 0, DropNone},
		"the common field":              {ppiOf(0, 105, common("\x00\x00", "\x85\x09", "\xc0")), -64, 2437, DropNone},
		"a field before it":             {ppiOf(0, 105, "\x05\x00\x03\x00abc"+common("\x00\x00", "\x85\x09", "\xc0")), -64, 2437, DropNone},
		"a field before it, aligned":    {ppiOf(1, 105, "\x05\x00\x03\x00abc\x00"+common("\x00\x00", "\x85\x09", "\xc0")), -64, 2437, DropNone},
		"a signal that is none":         {ppiOf(0, 105, common("\x00\x00", "\x00\x00", "\x80")), 0, 0, DropNone},
		"a common field that is short":  {ppiOf(0, 105, "\x02\x00\x02\x00ab"), 0, 0, DropNone},
		"a field that runs out":         {ppiOf(0, 105, common("\x00\x00", "\x85\x09", "\xc0")+"\x05\x00\xff\x00"), -64, 2437, DropNone},
		"the FCS is there and is wrong": {ppiOf(0, 105, common("\x01\x00", "\x85\x09", "\xc0")), 0, 0, DropBadFCS},
		"the radio found the FCS wrong": {ppiOf(0, 105, common("\x05\x00", "\x85\x09", "\xc0")), 0, 0, DropBadFCS},
		"around an ethernet frame":      {ppiOf(0, 1, ""), 0, 0, DropLinkHeader},
		"longer than what was captured": {"\x00\x00\xff\x00\x69\x00\x00\x00", 0, 0, DropLinkHeader},
		"shorter than its own head":     {"\x00\x00\x07\x00\x69\x00\x00\x00", 0, 0, DropLinkHeader},
		"another version":               {"\x01\x00\x08\x00\x69\x00\x00\x00", 0, 0, DropLinkHeader},
	})
}

func TestChannelsAndFrequencies(t *testing.T) {
	for name, row := range map[string]struct {
		channel uint32
		want    uint16
	}{
		"first":         {1, 2412},
		"last but one":  {13, 2472},
		"Japan's":       {14, 2484},
		"none":          {0, 0},
		"between bands": {15, 0},
		"5 GHz":         {36, 5180},
		"5 GHz's last":  {177, 5885},
		"beyond":        {178, 0},
		"nonsense":      {1 << 31, 0},
	} {
		got := frequency(row.channel)
		if got != row.want {
			t.Errorf("%s: got %d MHz, want %d", name, got, row.want)
		}
		if got != 0 && channelOf(got) != row.channel {
			t.Errorf("%s: got channel %d back, want %d", name, channelOf(got), row.channel)
		}
	}
	if channelOf(2413) != 0 || channelOf(6000) != 0 {
		t.Error("frequencies between channels have none")
	}
}

func TestAppendRefusesOtherLinks(t *testing.T) {
	if _, err := Append(nil, 1, Radio{}, nil); err == nil || !strings.Contains(err.Error(), "use 105") {
		t.Errorf("got %v, want an error that names the link types", err)
	}
}
