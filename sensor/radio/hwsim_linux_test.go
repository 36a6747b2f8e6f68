package radio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// What mac80211_hwsim is asked to do (drivers/net/wireless/virtual/mac80211_hwsim.h).
const (
	hwsimNewRadio    = 4
	hwsimDeleteRadio = 5
	hwsimRadioID     = 10
	rfkillChangeAll  = 3
	rfkillTypeWLAN   = 1
	familyWiFi       = unix.NL80211_GENL_NAME
	familyHwsim      = "MAC80211_HWSIM"
)

// bench is a second program beside the one that is tested: it has connections of its own.
type bench struct {
	t  *testing.T
	nl *genetlink.Conn
	rt *netlink.Conn
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t}
	var err error
	if b.nl, err = genetlink.Dial(nil); err != nil {
		t.Fatal(err)
	}
	if b.rt, err = netlink.Dial(unix.NETLINK_ROUTE, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.nl.Close(); b.rt.Close() })
	return b
}

func (b *bench) send(family string, command uint8, fill func(*netlink.AttributeEncoder)) error {
	f, err := b.nl.GetFamily(family)
	if err != nil {
		return err
	}
	m := genetlink.Message{Header: genetlink.Header{Command: command, Version: 1}, Data: attributes(b.t, fill)}
	_, err = b.nl.Execute(m, f.ID, netlink.Request|netlink.Acknowledge)
	return err
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) link(name string) link {
	b.t.Helper()
	l, err := findLink(b.rt, name)
	b.must(err)
	return l
}

func (b *bench) up(name string, up bool) {
	b.t.Helper()
	b.must(setUp(b.rt, b.link(name), up))
}

// is says what an interface is, as nl80211 sees it: its type and whether it is up.
func (b *bench) is(name string) string {
	b.t.Helper()
	l := b.link(name)
	f, err := b.nl.GetFamily(familyWiFi)
	b.must(err)
	r := &Radio{name: name, nl: b.nl, family: f.ID}
	i, err := r.readInterface(l.index)
	b.must(err)
	kind, _ := typeName(i.kind)
	if l.up {
		return kind + ", up"
	}
	return kind + ", down"
}

// remove takes a radio out, as a hand does with one on USB. The number of a radio is that of its phy as long as none was added.
func (b *bench) remove(id uint32) {
	b.t.Helper()
	b.must(b.send(familyHwsim, hwsimDeleteRadio, func(ae *netlink.AttributeEncoder) { ae.Uint32(hwsimRadioID, id) }))
}

// plug puts a new radio in; its interface takes the first free name.
func (b *bench) plug() {
	b.t.Helper()
	err := b.send(familyHwsim, hwsimNewRadio, func(*netlink.AttributeEncoder) {})
	var number syscall.Errno
	if errors.As(err, &number) && int(number) < 0 {
		return // it answers with the new radio's number in the place of an error
	}
	b.must(err)
}

// sibling makes a second interface on the radio of another one.
func (b *bench) sibling(of, name string) {
	b.t.Helper()
	phy, err := os.ReadFile(filepath.Join("/sys/class/net", of, "phy80211/index"))
	b.must(err)
	var n uint32
	_, err = fmt.Sscan(string(phy), &n)
	b.must(err)
	b.must(b.send(familyWiFi, unix.NL80211_CMD_NEW_INTERFACE, func(ae *netlink.AttributeEncoder) {
		ae.Uint32(unix.NL80211_ATTR_WIPHY, n)
		ae.String(unix.NL80211_ATTR_IFNAME, name)
		ae.Uint32(unix.NL80211_ATTR_IFTYPE, unix.NL80211_IFTYPE_STATION)
	}))
}

// block turns all Wi-Fi off by software, or on again (struct rfkill_event).
func (b *bench) block(off bool) {
	b.t.Helper()
	event := binary.NativeEndian.AppendUint32(nil, 0)
	event = append(event, rfkillTypeWLAN, rfkillChangeAll, 0, 0)
	if off {
		event[6] = 1
	}
	b.must(os.WriteFile("/dev/rfkill", event, 0))
}
