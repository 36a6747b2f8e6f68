package simulate

// elements is what a model sends after the SSID: the bytes, and where the channel stands in them.
type elements struct {
	bytes   []byte
	channel int // offset of the DS channel
}

// Element ids of IEEE 802.11-2020, table 9-92.
const (
	idSSID         = 0
	idRates        = 1
	idChannel      = 3
	idHT           = 45
	idMoreRates    = 50
	idInterworking = 107
	idCapabilities = 127
	idVHT          = 191
	idVendor       = 221
	idExtension    = 255
	extHE          = 35
)

// recipe is a model's elements before they are put together.
type recipe struct {
	ofdmFirst    bool // whether the first rates element lists 6 to 54 Mb/s with the slow ones
	ht           [26]byte
	capabilities []byte
	interworking bool
	vht          []byte
	he           []byte
	vendors      [][]byte
}

// vendorElements are the vendor elements that phones add: Apple, Broadcom, Epigram, Samsung, Microsoft, Wi-Fi Alliance (MBO).
var vendorElements = [...][]byte{
	{0x00, 0x17, 0xf2, 0x0a, 0x00, 0x01, 0x04, 0x00, 0x00, 0x00, 0x00},
	{0x00, 0x10, 0x18, 0x02, 0x00, 0x00, 0x10, 0x00, 0x00},
	{0x00, 0x90, 0x4c, 0x04, 0x08, 0xbf, 0x0c, 0xb2, 0x01, 0x80, 0x33},
	{0x00, 0x00, 0xf0, 0x22, 0x02, 0x02, 0x01, 0x10},
	{0x00, 0x50, 0xf2, 0x08, 0x00, 0x1d, 0x00},
	{0x50, 0x6f, 0x9a, 0x16, 0x03, 0x01, 0x03, 0x65, 0x01, 0x01},
}

// wps is a Wi-Fi Protected Setup element: version 1.0, request type enrollee, and a maker's name as old phones sent it.
var wps = []byte("\x00\x50\xf2\x04\x10\x4a\x00\x01\x10\x10\x3a\x00\x01\x00\x10\x21\x00\x05Maker")

func newRecipe(d dice, old bool) recipe {
	r := recipe{ofdmFirst: d.chance(0.4), interworking: d.chance(0.3)}
	htInfo := [...]uint16{0x012d, 0x016f, 0x01ad, 0x01ef, 0x402d, 0x4021, 0x112c, 0x007e}[d.IntN(8)]
	r.ht = [26]byte{byte(htInfo), byte(htInfo >> 8), byte(0x03 + d.IntN(7)<<2), 0xff}
	if d.chance(0.6) {
		r.ht[4] = 0xff // two streams
	}
	r.capabilities = []byte{0, 0, 0x08 * byte(d.IntN(2)), 0, 0, 0, 0, 0x40 * byte(d.IntN(2)), 0x20 * byte(d.IntN(2)), 0}
	for range 4 {
		r.capabilities[d.IntN(8)] |= 1 << d.IntN(8)
	}
	r.capabilities = r.capabilities[:5+d.IntN(6)]
	if !old {
		r.newer(d)
	}
	for _, v := range vendorElements {
		if d.chance(0.35) {
			r.vendors = append(r.vendors, v)
		}
	}
	if d.chance(0.06) {
		r.vendors = append(r.vendors, wps)
	}
	return r
}

// newer adds what only phones of recent years have: VHT and HE capabilities.
func (r *recipe) newer(d dice) {
	if d.chance(0.4) {
		r.vht = []byte{0x32, 0x70 + byte(d.IntN(8)), 0x80, 0x03, 0xfa, 0xff, 0, 0, 0xfa, 0xff, 0, 0}
	}
	if d.chance(0.6) {
		r.he = []byte{
			extHE, byte(d.IntN(4)), 0x08, 0x01, 0x08, 0x00, 0x40, // MAC capabilities
			0x00, 0x70 | byte(d.IntN(16)), 0x4c, 0x89, 0x0f, 0x00, 0x80, byte(d.IntN(8)), 0x00, 0x00, 0x00, // PHY capabilities
			0xfa, 0xff, 0xfa, 0xff, // MCS and streams
		}
	}
}

// shorter is the same scan without the elements that some products leave out.
func (r recipe) shorter() recipe {
	r.interworking, r.vht = !r.interworking, nil
	if len(r.vendors) > 0 {
		r.vendors = r.vendors[:len(r.vendors)-1]
	}
	return r
}

func (r recipe) build() *elements {
	e := &elements{}
	if r.ofdmFirst {
		e.add(idRates, 0x82, 0x84, 0x8b, 0x96, 0x0c, 0x12, 0x18, 0x24)
		e.add(idMoreRates, 0x30, 0x48, 0x60, 0x6c)
	} else {
		e.add(idRates, 0x02, 0x04, 0x0b, 0x16)
		e.add(idMoreRates, 0x0c, 0x12, 0x18, 0x24, 0x30, 0x48, 0x60, 0x6c)
	}
	e.add(idChannel, 0)
	e.channel = len(e.bytes) - 1
	e.add(idHT, r.ht[:]...)
	if r.interworking {
		e.add(idInterworking, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	}
	e.add(idCapabilities, r.capabilities...)
	if r.vht != nil {
		e.add(idVHT, r.vht...)
	}
	if r.he != nil {
		e.add(idExtension, r.he...)
	}
	for _, v := range r.vendors {
		e.add(idVendor, v...)
	}
	return e
}

func (e *elements) add(id byte, body ...byte) {
	e.bytes = append(append(e.bytes, id, byte(len(body))), body...)
}
