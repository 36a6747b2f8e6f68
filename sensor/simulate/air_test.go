package simulate

import (
	"bytes"
	"math"
	"testing"

	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// onePhone is a store-day with one phone inside for an hour, heard without loss.
func onePhone(t *testing.T, w *world, m *model, address hwaddr.Addr) []probe {
	t.Helper()
	x := newDay(w.cfg.Store, w.cfg.Start)
	x.devices = []device{{phone{model: m, address: address, network: 3}, -1}}
	x.stays = []stay{{span: span{10 * hour, 11 * hour}, role: shopper, interval: 60, strength: -55}}
	p := planner{w: w, day: x, dice: newDice(w.seed, streamPlan, 1)}
	p.emit(0)
	var out bytes.Buffer
	if _, err := w.transmit(x, newPcapWriter(&out)); err != nil {
		t.Fatal(err)
	}
	return readCapture(t, out.Bytes())
}

func TestAddressesAndSequenceNumbers(t *testing.T) {
	cfg := testConfig(t, "always", "2026-01-12", 1)
	cfg.Loss = 0
	w := newWorld(cfg)
	look := w.market.models[0].elements
	base := model{frames: 3, spacing: 20 * millisec, elements: look}
	with := func(change func(*model)) model { m := base; change(&m); return m }
	for name, row := range map[string]struct {
		model               model
		perBurst, perHour   [2]int // least and most addresses
		breaks, breaksAtNew bool   // the sequence jumps at all; it jumps at every new address
	}{
		"never randomises":          {with(func(m *model) { m.stable, m.redraws = true, true }), [2]int{1, 1}, [2]int{1, 1}, false, false},
		"a new one each burst":      {base, [2]int{1, 1}, [2]int{30, 120}, false, false},
		"new one, sequence redrawn": {with(func(m *model) { m.redraws = true }), [2]int{1, 1}, [2]int{30, 120}, true, true},
		"keeps it for ten minutes":  {with(func(m *model) { m.keep, m.redraws = 10*minute, true }), [2]int{1, 1}, [2]int{4, 8}, true, true},
		"several a burst":           {with(func(m *model) { m.addresses, m.redraws = true, true }), [2]int{4, 9}, [2]int{150, 800}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			probes := onePhone(t, w, &row.model, hwaddr.Addr{0x00, 0x16, 0x6c, 1, 2, 3})
			all, burst := map[hwaddr.Addr]bool{}, map[hwaddr.Addr]bool{}
			breaks, changes := 0, 0
			for i, p := range probes {
				if p.random == row.model.stable {
					t.Fatal("the local bit is wrong")
				}
				if i > 0 && p.unix-probes[i-1].unix > second {
					inRange(t, "addresses in a burst", len(burst), row.perBurst)
					clear(burst)
				}
				all[p.sender], burst[p.sender] = true, true
				if i > 0 && p.seq != (probes[i-1].seq+1)&0xfff {
					breaks++
				}
				if i > 0 && p.sender != probes[i-1].sender {
					changes++
				}
			}
			inRange(t, "addresses in an hour", len(all), row.perHour)
			if (breaks > 0) != row.breaks || row.breaksAtNew && math.Abs(float64(breaks-changes)) > 2 {
				t.Errorf("got %d breaks in the sequence, %d changes of address", breaks, changes)
			}
		})
	}
}

func inRange(t *testing.T, what string, got int, want [2]int) {
	t.Helper()
	if got < want[0] || got > want[1] {
		t.Errorf("%s: got %d, want %d to %d", what, got, want[0], want[1])
	}
}

func TestFramesOfABurst(t *testing.T) {
	cfg := testConfig(t, "always", "2026-01-12", 1)
	cfg.Loss = 0
	w := newWorld(cfg)
	for name, spacing := range map[string]int64{"20 ms": 20 * millisec, "42 ms": 42 * millisec} {
		t.Run(name, func(t *testing.T) {
			m := model{stable: true, frames: 5, spacing: spacing, directed: 0.5, elements: w.market.models[0].elements}
			named := 0
			probes := onePhone(t, w, &m, hwaddr.Addr{0x00, 0x16, 0x6c, 1, 2, 3})
			for i, p := range probes {
				if p.ssid == w.networks[3] {
					named++
				} else if p.ssid != "" {
					t.Fatal("a frame asks for a network that is not the phone's")
				}
				if p.dbm < -75 || p.dbm > -40 {
					t.Errorf("got %d dBm inside", p.dbm)
				}
				if i > 0 {
					if gap := p.unix - probes[i-1].unix; gap < second && (gap < spacing-millisec || gap > spacing+millisec) {
						t.Errorf("got %d µs between frames, want %d", gap, spacing)
					}
				}
			}
			if named*4 < len(probes) || named*4 > 3*len(probes) {
				t.Errorf("%d of %d frames are directed, want half", named, len(probes))
			}
		})
	}
}

func TestOneFrameInTenIsLost(t *testing.T) {
	cfg := testConfig(t, "corner", "2026-01-12", 1)
	w := newWorld(cfg)
	x := w.live(cfg.Start)
	sent := int64(0)
	for _, b := range x.bursts {
		sent += int64(b.frames)
	}
	var out bytes.Buffer
	heard, err := w.transmit(x, newPcapWriter(&out))
	if err != nil {
		t.Fatal(err)
	}
	if got := float64(heard.random+heard.stable) / float64(sent); math.Abs(got-0.9) > 0.01 {
		t.Errorf("got %g of the frames, want .9", got)
	}
	if heard.openRandom >= heard.random || heard.openStable >= heard.stable || heard.openRandom == 0 {
		t.Errorf("got %+v, want fewer while open than in all", heard)
	}
}
