package simulate

import "math"

const (
	modelCount = 96
	zipf       = 0.8
	modelSeed  = 0x666f6f7466616c6c // the market's, not the store's: a model looks the same in every store
	millisec   = int64(1000)        // in microseconds, the unit of simulated time
	second     = 1000 * millisec
	minute     = 60 * second
)

// mode is what a phone does during one stay.
type mode uint8

const (
	standby mode = iota
	active
	modes
)

// standbyShare is how many phones stay in the pocket. Nothing measured says it; a little more than half is plain.
const standbyShare = 0.6

// model is one product: how its phones look for networks.
type model struct {
	stable    bool             // it never randomises
	oui       [3]byte          // of its built-in address
	interval  [modes]float64   // seconds between bursts
	frames    int              // least frames a burst; a burst may have one more
	addresses bool             // 4 to 9 addresses a burst, a frame each
	keep      int64            // how long it keeps a random address; 0: one burst
	spacing   int64            // between frames of a burst
	redraws   bool             // a new address begins at a new sequence number
	directed  float64          // share of frames that name a network
	elements  [modes]*elements // after the SSID
}

// market is the models and their popularity, for phones that randomise and for those that do not.
type market struct {
	models     []model
	random     []int
	stable     []int
	randomLots []float64 // cumulative
	stableLots []float64
}

// measuredIntervals are the seconds between bursts seen on labelled phones (DESIGN 8).
var measuredIntervals = [...]float64{5, 15, 20, 30, 60, 63, 120, 160, 180, 270, 300}

// vendorOUIs are registered to makers of phones and radios; both low bits of the first byte are clear.
var vendorOUIs = [...][3]byte{
	{0x00, 0x16, 0x6c}, {0x00, 0x17, 0xc9}, {0x00, 0x1e, 0x64}, {0x00, 0x23, 0x12}, {0x04, 0x0c, 0xce}, {0x08, 0x00, 0x28},
	{0x10, 0x2a, 0xb3}, {0x14, 0x10, 0x9f}, {0x18, 0x59, 0x36}, {0x1c, 0x5a, 0x3e}, {0x28, 0x6c, 0x07}, {0x34, 0x80, 0xb3},
	{0x38, 0xaa, 0x3c}, {0x40, 0x4e, 0x36}, {0x48, 0x5a, 0x3f}, {0x58, 0xcb, 0x52}, {0x64, 0xa2, 0xf9}, {0x80, 0x65, 0x6d},
	{0x94, 0x65, 0x2d}, {0xac, 0x37, 0x43}, {0xc0, 0xee, 0xfb}, {0xd0, 0x22, 0xbe}, {0xe8, 0x50, 0x8b}, {0xf8, 0xa9, 0xd0},
}

func newMarket() market {
	d := newDice(modelSeed, streamModels, 0)
	m := market{models: make([]model, modelCount)}
	for i := range m.models {
		m.models[i] = newModel(d, i)
		weight := math.Pow(float64(i+1), -zipf)
		if m.models[i].stable {
			m.stable, m.stableLots = append(m.stable, i), stack(m.stableLots, weight)
		} else {
			m.random, m.randomLots = append(m.random, i), stack(m.randomLots, weight)
		}
	}
	return m
}

// stack adds a weight to cumulative weights.
func stack(cumulative []float64, weight float64) []float64 {
	if n := len(cumulative); n > 0 {
		weight += cumulative[n-1]
	}
	return append(cumulative, weight)
}

// newModel makes the model of a popularity rank. Every third is stable; of the others every fourth, and the first of all, is
// like an iPhone 11, and every fourth keeps its address for minutes.
func newModel(d dice, rank int) model {
	m := model{oui: vendorOUIs[d.IntN(len(vendorOUIs))], frames: 3 + d.IntN(3), spacing: 20 * millisec, redraws: d.chance(0.5)}
	if d.chance(0.5) {
		m.spacing = 42 * millisec
	}
	if d.chance(0.25) {
		m.directed = 0.2
	}
	switch kind := rank % 12; {
	case kind%3 == 2:
		m.stable = true
	case kind == 0:
		m.addresses, m.redraws, m.directed = true, true, 0
	case kind == 4 || kind == 9:
		m.keep = int64(4+d.IntN(9)) * minute
	}
	for mode, rate := range [modes]float64{0.65, 0.45} {
		m.interval[mode] = nearestInterval(60 / d.logNormal(rate, 0.6))
		if m.stable {
			m.interval[mode] = [2]float64{20, 30}[d.IntN(2)]
		}
	}
	recipe := newRecipe(d, m.stable)
	m.elements[standby] = recipe.build()
	m.elements[active] = m.elements[standby]
	if d.chance(0.3) { // some products leave elements out of a scan when the screen is on
		m.elements[active] = recipe.shorter().build()
	}
	return m
}

func nearestInterval(seconds float64) float64 {
	best := measuredIntervals[0]
	for _, x := range measuredIntervals {
		if math.Abs(math.Log(x/seconds)) < math.Abs(math.Log(best/seconds)) {
			best = x
		}
	}
	return best
}
