package tap

import (
	"net"
	"testing"

	"github.com/openfootfall/footfall/sensor/dot11"
)

func TestDevice(t *testing.T) {
	d := New(t, dot11.LinkRadiotap)
	up := func() bool {
		t.Helper()
		i, err := net.InterfaceByName(d.Name())
		if err != nil {
			t.Fatal(err)
		}
		return i.Flags&net.FlagUp != 0
	}
	frame := make([]byte, 14)
	if err := d.Write(frame); err != nil || !up() {
		t.Errorf("new: got %v, up %v, want nil, true", err, up())
	}
	if err := d.Write(frame[:13]); err == nil {
		t.Error("a frame of 13 bytes: got no error")
	}
	d.Down(t)
	if err := d.Write(frame); err == nil || up() {
		t.Errorf("down: got %v, up %v, want an error, false", err, up())
	}
	d.Up(t)
	if err := d.Write(frame); err != nil || !up() {
		t.Errorf("up again: got %v, up %v, want nil, true", err, up())
	}
	other := New(t, dot11.LinkRaw)
	if other.Name() == d.Name() {
		t.Errorf("got %s twice, want two devices", other.Name())
	}
	d.Close()
	d.Close()
	if err := d.Write(frame); err == nil {
		t.Error("closed: got no error")
	}
	if i, err := net.InterfaceByName(d.Name()); err == nil {
		t.Errorf("closed: got interface %d, want none", i.Index)
	}
}

func TestTypes(t *testing.T) {
	for name, row := range map[string]struct {
		link uint16
		want int
	}{
		"radiotap": {dot11.LinkRadiotap, 803}, "prism": {dot11.LinkPrism, 802}, "AVS": {dot11.LinkAVS, 802},
		"raw": {dot11.LinkRaw, 801}, "Ethernet": {Ethernet, 1}, "PPI, which files alone have": {dot11.LinkPPI, 0},
	} {
		if got := arphrd(row.link); got != row.want {
			t.Errorf("%s: got %d, want %d", name, got, row.want)
		}
	}
}
