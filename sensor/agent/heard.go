package agent

// maxHeard bounds the channels that are told apart: 2.4, 5 and 6 GHz have 101, and a forged header any.
const maxHeard = 104

// maxMHz is above every channel of Wi-Fi; wire takes no more.
const maxMHz = 7200

// Channels counts probe requests by the centre frequency of their channel. It is a value, so that counting allocates nothing.
type Channels struct {
	n    int
	rows [maxHeard]ChannelFrames
	last int
}

// ChannelFrames is one channel.
type ChannelFrames struct {
	MHz    uint16 // 0 where the radio did not say, or there was no room for another
	Frames uint64
}

// add counts a frame. A radio stays on a channel for many frames, so the last one is looked at first.
func (c *Channels) add(mhz uint16) {
	if mhz > maxMHz {
		mhz = 0 // no channel of Wi-Fi, so a header that is wrong
	}
	if c.last < c.n && c.rows[c.last].MHz == mhz {
		c.rows[c.last].Frames++
		return
	}
	for i := range c.n {
		if c.rows[i].MHz == mhz {
			c.last = i
			c.rows[i].Frames++
			return
		}
	}
	if mhz != 0 && c.n >= maxHeard-1 {
		c.add(0)
		return
	}
	c.rows[c.n] = ChannelFrames{MHz: mhz, Frames: 1}
	c.last = c.n
	c.n++
}

// Heard are the channels on which something was heard, in the order in which they were first.
func (c *Channels) Heard() []ChannelFrames { return append([]ChannelFrames(nil), c.rows[:c.n]...) }
