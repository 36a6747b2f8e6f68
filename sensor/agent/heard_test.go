package agent

import (
	"slices"
	"testing"
)

func TestChannelsAreCounted(t *testing.T) {
	var c Channels
	for _, mhz := range []uint16{2412, 2412, 0, 5180, 2412, 0} {
		c.add(mhz)
	}
	want := []ChannelFrames{{2412, 3}, {0, 2}, {5180, 1}}
	if got := c.Heard(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestForgedChannelsAreBounded(t *testing.T) {
	var c Channels
	for mhz := range uint16(60000) {
		c.add(mhz%7000 + 1)
	}
	c.add(7201)
	got, sum := c.Heard(), uint64(0)
	for _, row := range got {
		sum += row.Frames
	}
	if len(got) != maxHeard || sum != 60001 {
		t.Errorf("got %d channels and %d frames, want %d and all 60001", len(got), sum, maxHeard)
	}
	if got[len(got)-1].MHz != 0 {
		t.Errorf("got %v, want the rest under 0", got[len(got)-1])
	}
}
