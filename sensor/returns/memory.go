package returns

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	mathbits "math/bits"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// bits is one bit a bucket.
type bits [Buckets / 8]byte

func (b *bits) has(bucket uint16) bool { return b[bucket>>3]>>(bucket&7)&1 == 1 }
func (b *bits) set(bucket uint16)      { b[bucket>>3] |= 1 << (bucket & 7) }
func (b *bits) clear(bucket uint16)    { b[bucket>>3] &^= 1 << (bucket & 7) }

func (b *bits) put(bucket uint16, one bool) {
	if one {
		b.set(bucket)
	} else {
		b.clear(bucket)
	}
}

func (b *bits) count() uint32 {
	n := 0
	for _, x := range b {
		n += mathbits.OnesCount8(x)
	}
	return uint32(n)
}

// memory is what the filters' file holds.
type memory struct {
	issue   string
	epsilon float64
	day     calendar.Day  // the open one
	began   calendar.Week // the first week of these filters
	covered uint8         // bit k: the sensor ran on a day of k weeks before
	filters [Weeks]bits   // index 0 this store-week's
}

func (m *memory) wipe() { clear(m.filters[:]) }

// redraw draws the bits of the marked buckets in the week's filter anew, lowest bucket first.
func (m *memory) redraw(marked *bits, o *odds) error {
	for b := range Buckets {
		if !marked.has(uint16(b)) {
			continue
		}
		one, err := o.draw()
		if err != nil {
			return err
		}
		m.filters[0].put(uint16(b), one) // 1 with probability p1
	}
	return nil
}

// move opens the day. Filters are by number of the store-week: a week that was skipped gets one that nobody visited.
func (m *memory) move(to calendar.Day, o *odds) error {
	weeks := int(to.Week() - m.day.Week())
	for range min(weeks, Weeks) {
		copy(m.filters[1:], m.filters[:Weeks-1])
		if err := o.bear(&m.filters[0]); err != nil {
			return err
		}
	}
	m.covered = m.covered<<min(weeks, Weeks)&(1<<Weeks-1) | 1
	if weeks >= Weeks {
		m.began = to.Week() // nothing is left of the weeks before
	}
	m.day = to
	return nil
}

// odds draws noise: 1 with probability p1 = one/2^64, exactly.
type odds struct {
	one    uint64
	random *bufio.Reader
}

func newOdds(one uint64, random io.Reader) odds {
	return odds{one: one, random: bufio.NewReader(random)}
}

// threshold is p1 = e^E/(1+e^E) in units of 2^-64: the nearest float64 to it, which is a whole number of them.
func threshold(epsilon float64) uint64 {
	return uint64(math.Ldexp(1/(1+math.Exp(-epsilon)), 64))
}

func (o *odds) draw() (bool, error) {
	var b [8]byte
	if err := o.read(b[:]); err != nil {
		return false, err
	}
	return o.is(b[:]), nil
}

// bear makes a filter that nobody visited: each bit is 1 with probability p0 = 1-p1.
func (o *odds) bear(f *bits) error {
	var noise [8 * 512]byte
	for b := range Buckets {
		at := 8 * b % len(noise)
		if at == 0 {
			if err := o.read(noise[:]); err != nil {
				return err
			}
		}
		f.put(uint16(b), !o.is(noise[at:at+8]))
	}
	return nil
}

// is turns 64 random bits into one that is 1 with probability p1.
func (o *odds) is(noise []byte) bool { return binary.BigEndian.Uint64(noise) < o.one }

func (o *odds) read(noise []byte) error {
	if _, err := io.ReadFull(o.random, noise); err != nil {
		return fmt.Errorf("draw the noise of the return filters: %w", err)
	}
	return nil
}
