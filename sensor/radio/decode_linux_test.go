package radio

import (
	"slices"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// attributes builds what the kernel sends.
func attributes(t testing.TB, fill func(ae *netlink.AttributeEncoder)) []byte {
	t.Helper()
	ae := netlink.NewAttributeEncoder()
	fill(ae)
	b, err := ae.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type frequency struct {
	mhz   uint32
	flags []uint16
}

// part is one message of a split dump.
func part(t testing.TB, index uint32, types []uint16, list ...frequency) []byte {
	return attributes(t, func(ae *netlink.AttributeEncoder) {
		ae.Uint32(unix.NL80211_ATTR_WIPHY, index)
		ae.String(unix.NL80211_ATTR_WIPHY_NAME, "phy0")
		if types != nil {
			ae.Nested(unix.NL80211_ATTR_SUPPORTED_IFTYPES, func(nae *netlink.AttributeEncoder) error {
				for _, n := range types {
					nae.Flag(n, true)
				}
				return nil
			})
		}
		ae.Nested(unix.NL80211_ATTR_WIPHY_BANDS, func(bands *netlink.AttributeEncoder) error {
			bands.Nested(0, func(band *netlink.AttributeEncoder) error {
				band.Nested(unix.NL80211_BAND_ATTR_FREQS, func(freqs *netlink.AttributeEncoder) error {
					for i, f := range list {
						freqs.Nested(uint16(i), func(fae *netlink.AttributeEncoder) error {
							fae.Uint32(unix.NL80211_FREQUENCY_ATTR_FREQ, f.mhz)
							for _, flag := range f.flags {
								fae.Flag(flag, true)
							}
							return nil
						})
					}
					return nil
				})
				return nil
			})
			return nil
		})
	})
}

func TestDecodePhy(t *testing.T) {
	var p phy
	for _, b := range [][]byte{
		part(t, 0, []uint16{unix.NL80211_IFTYPE_STATION, unix.NL80211_IFTYPE_MONITOR}),
		part(t, 0, nil, frequency{mhz: 2412}, frequency{mhz: 2467, flags: []uint16{unix.NL80211_FREQUENCY_ATTR_NO_IR}}),
		part(t, 0, nil, frequency{mhz: 2484, flags: []uint16{unix.NL80211_FREQUENCY_ATTR_DISABLED}}),
		part(t, 0, nil, frequency{mhz: 5260, flags: []uint16{unix.NL80211_FREQUENCY_ATTR_NO_IR, unix.NL80211_FREQUENCY_ATTR_RADAR}}, frequency{mhz: 58320}),
		part(t, 3, nil, frequency{mhz: 2417}), // of another radio
	} {
		if err := p.add(b, 0); err != nil {
			t.Fatal(err)
		}
	}
	want := []Channel{
		{Band: Band24, Number: 1, MHz: 2412},
		{Band: Band24, Number: 12, MHz: 2467, Quiet: true},
		{Band: Band5, Number: 52, MHz: 5260, Quiet: true, Radar: true},
	}
	if !slices.Equal(p.channels, want) {
		t.Errorf("channels:\ngot  %+v\nwant %+v", p.channels, want)
	}
	if !p.monitor {
		t.Error("monitor: got false, want true")
	}
	var without phy
	if err := without.add(part(t, 0, []uint16{unix.NL80211_IFTYPE_STATION, unix.NL80211_IFTYPE_AP}), 0); err != nil || without.monitor {
		t.Errorf("without monitor mode: got %v, %v, want false", without.monitor, err)
	}
}

func TestDecodeInterface(t *testing.T) {
	whole := attributes(t, func(ae *netlink.AttributeEncoder) {
		ae.Uint32(unix.NL80211_ATTR_IFINDEX, 7)
		ae.Uint32(unix.NL80211_ATTR_WIPHY, 2)
		ae.Uint32(unix.NL80211_ATTR_IFTYPE, unix.NL80211_IFTYPE_MONITOR)
		ae.Uint32(unix.NL80211_ATTR_WIPHY_FREQ, 2437)
		ae.String(unix.NL80211_ATTR_IFNAME, "wlan1")
	})
	for _, test := range []struct {
		name  string
		bytes []byte
		want  iface
		fails bool
	}{
		{name: "whole", bytes: whole, want: iface{index: 7, phy: 2, kind: unix.NL80211_IFTYPE_MONITOR, mhz: 2437}},
		{name: "nothing in it"},
		{name: "cut", bytes: whole[:5], fails: true},
		{name: "a number of one byte", bytes: []byte{5, 0, unix.NL80211_ATTR_IFINDEX, 0, 1, 0, 0, 0}, fails: true},
		{name: "an attribute of length 0", bytes: []byte{0, 0, unix.NL80211_ATTR_IFINDEX, 0}, fails: true},
		{name: "longer than the message", bytes: []byte{200, 0, unix.NL80211_ATTR_IFINDEX, 0, 1, 0, 0, 0}, fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := decodeInterface(test.bytes)
			if (err != nil) != test.fails {
				t.Fatalf("error: got %v, want one: %v", err, test.fails)
			}
			if err == nil && got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// linkBody is struct ifinfomsg and a name.
func linkBody(t testing.TB, family byte, index, flags uint32, name string) []byte {
	body := make([]byte, unix.SizeofIfInfomsg)
	body[0] = family
	native().PutUint32(body[4:], index)
	native().PutUint32(body[8:], flags)
	return append(body, attributes(t, func(ae *netlink.AttributeEncoder) { ae.String(unix.IFLA_IFNAME, name) })...)
}

func TestDecodeLink(t *testing.T) {
	for _, test := range []struct {
		name  string
		bytes []byte
		want  link
		fails bool
	}{
		{name: "up", bytes: linkBody(t, 0, 7, unix.IFF_UP|unix.IFF_BROADCAST, "wlan1"), want: link{index: 7, name: "wlan1", up: true}},
		{name: "down", bytes: linkBody(t, 0, 7, unix.IFF_BROADCAST, "wlan1"), want: link{index: 7, name: "wlan1"}},
		{name: "a bridge's port", bytes: linkBody(t, unix.AF_BRIDGE, 7, unix.IFF_UP, "wlan1"), want: link{index: 7, name: "wlan1", up: true, bridge: true}},
		{name: "short", bytes: make([]byte, 15), fails: true},
		{name: "nothing", fails: true},
		{name: "a cut attribute", bytes: append(make([]byte, 16), 9, 0, 3), fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := decodeLink(test.bytes)
			if (err != nil) != test.fails {
				t.Fatalf("error: got %v, want one: %v", err, test.fails)
			}
			if err == nil && got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(part(f, 0, []uint16{6}, frequency{mhz: 2412}, frequency{mhz: 5260, flags: []uint16{2, 3, 5}}))
	f.Add(linkBody(f, 0, 7, unix.IFF_UP, "wlan1"))
	f.Add([]byte{4, 0, 0x16, 0x80})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var p phy
		_ = p.add(b, 0)
		if len(p.channels) > len(b) {
			t.Errorf("%d channels from %d bytes", len(p.channels), len(b))
		}
		for _, c := range p.channels {
			if back, ok := ChannelAt(c.MHz); !ok || back.Number != c.Number {
				t.Errorf("channel %s at %d MHz", c, c.MHz)
			}
		}
		_, _ = decodeInterface(b)
		_, _ = decodeLink(b)
	})
}
