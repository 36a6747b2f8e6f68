package simulate

import (
	"slices"

	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// A frame's place in the order of the day: time, then burst, then number in the burst, in one word that sorts.
const (
	frameBits = 4  // a burst has at most 15 frames
	burstBits = 22 // 4 million bursts a store-day
)

// radioState is what a phone's radio remembers from frame to frame.
type radioState struct {
	address hwaddr.Addr
	expires int64 // a kept random address is replaced from here on
	seq     uint16
	best    uint8 // the frame of the present burst that is sent at the burst's peak
	awake   bool
}

// frames counts what the sensor heard, in all and while the store was open.
type frames struct{ random, stable, openRandom, openStable, bytes int64 }

// radio turns a day's bursts into frames in time order, loses some, and writes the rest.
type radio struct {
	w     *world
	day   *day
	dice  dice
	out   *pcapWriter
	state []radioState
	heard frames
}

// transmit writes the day's frames to out.
func (w *world) transmit(x *day, out *pcapWriter) (frames, error) {
	r := radio{w: w, day: x, dice: newDice(w.seed, streamAir, int32(x.number)), out: out, state: make([]radioState, len(x.devices))}
	before := out.written
	for _, key := range r.order() {
		k := int(key & (1<<frameBits - 1))
		b := &x.bursts[key>>frameBits&(1<<burstBits-1)]
		if err := r.send(int64(key>>(frameBits+burstBits)), b, k); err != nil {
			return frames{}, err
		}
	}
	if err := out.flush(); err != nil {
		return frames{}, err
	}
	r.heard.bytes = out.written - before
	return r.heard, nil
}

// order lists the day's frames by time.
func (r *radio) order() []uint64 {
	n := 0
	for i := range r.day.bursts {
		n += int(r.day.bursts[i].frames)
	}
	keys := make([]uint64, 0, n)
	for i := range r.day.bursts {
		b := &r.day.bursts[i]
		spacing := r.phone(b).model.spacing
		for k := range int64(b.frames) {
			at := b.at
			if k > 0 {
				at += k*spacing + r.dice.Int64N(millisec)
			}
			keys = append(keys, uint64(at)<<(frameBits+burstBits)|uint64(i)<<frameBits|uint64(k))
		}
	}
	slices.Sort(keys)
	return keys
}

func (r *radio) phone(b *burst) *phone { return &r.day.devices[r.day.stays[b.stay].device].phone }

// send moves the phone's radio on by one frame and writes the frame unless it is lost.
func (r *radio) send(at int64, b *burst, k int) error {
	s := &r.day.stays[b.stay]
	ph := &r.day.devices[s.device].phone
	st := &r.state[s.device]
	if k == 0 {
		st.best = uint8(r.dice.IntN(int(b.frames)))
	}
	r.address(st, ph, at, k)
	st.seq = (st.seq + 1) & 0xfff
	dbm := b.peak
	if k != int(st.best) {
		dbm -= int8(r.dice.IntN(5))
	}
	network := ""
	if ph.model.directed > 0 && r.dice.chance(ph.model.directed) {
		network = r.w.networks[ph.network]
	}
	channel := sensorChannel
	if x := r.dice.IntN(8); x < 2 { // a scan's neighbouring channels leak into ours
		channel += 2*x - 1
	}
	if r.dice.chance(r.w.cfg.Loss) {
		return nil
	}
	r.count(ph, at)
	return r.out.frame(frame{
		unix: r.day.start.UnixMicro() + at, clock: at, sender: st.address, seq: st.seq, dbm: dbm, channel: byte(channel),
		network: network, rest: ph.model.elements[s.mode],
	})
}

// address gives the frame its sender: the built-in address, or a random one that is as new as the model makes it.
func (r *radio) address(st *radioState, ph *phone, at int64, k int) {
	m := ph.model
	fresh := !st.awake || m.addresses || k == 0 && at >= st.expires
	first := !st.awake
	st.awake = true
	if first || fresh && m.redraws && !m.stable {
		st.seq = uint16(r.dice.UintN(1 << 12))
	}
	switch {
	case m.stable:
		st.address = ph.address
	case fresh:
		x := r.dice.Uint64()
		st.address = hwaddr.Addr{byte(x)&^1 | 2, byte(x >> 8), byte(x >> 16), byte(x >> 24), byte(x >> 32), byte(x >> 40)}
		st.expires = at + m.keep
	}
}

func (r *radio) count(ph *phone, at int64) {
	open := r.day.isOpen(at)
	switch {
	case ph.stable():
		r.heard.stable++
		if open {
			r.heard.openStable++
		}
	default:
		r.heard.random++
		if open {
			r.heard.openRandom++
		}
	}
}
