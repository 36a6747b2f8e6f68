package radio

import (
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// What arrives in netlink attributes is believed only as far as it can be read: an attribute of a wrong length is an error, an
// unknown one is passed over, and no count in it decides how much memory is taken.

// iface is what nl80211 says of an interface. Its hardware address is not read.
type iface struct {
	index, phy, kind uint32
	mhz              int // 0: not said
}

func decodeInterface(attributes []byte) (iface, error) {
	var out iface
	ad, err := netlink.NewAttributeDecoder(attributes)
	if err != nil {
		return out, fmt.Errorf("decode interface: %w", err)
	}
	for ad.Next() {
		switch ad.Type() {
		case unix.NL80211_ATTR_IFINDEX:
			out.index = ad.Uint32()
		case unix.NL80211_ATTR_WIPHY:
			out.phy = ad.Uint32()
		case unix.NL80211_ATTR_IFTYPE:
			out.kind = ad.Uint32()
		case unix.NL80211_ATTR_WIPHY_FREQ:
			out.mhz = int(ad.Uint32())
		}
	}
	if err := ad.Err(); err != nil {
		return out, fmt.Errorf("decode interface: %w", err)
	}
	return out, nil
}

// phy is what nl80211 says of a radio, put together from the parts of a split dump.
type phy struct {
	monitor  bool
	channels []Channel
}

// add takes one part. Parts of another radio are passed over: kernels before 3.10 do not filter a dump.
func (p *phy) add(attributes []byte, index uint32) error {
	ad, err := netlink.NewAttributeDecoder(attributes)
	if err != nil {
		return fmt.Errorf("decode radio: %w", err)
	}
	for ad.Next() {
		switch ad.Type() {
		case unix.NL80211_ATTR_WIPHY:
			if ad.Uint32() != index {
				return nil
			}
		case unix.NL80211_ATTR_SUPPORTED_IFTYPES:
			ad.Nested(func(types *netlink.AttributeDecoder) error {
				for types.Next() {
					p.monitor = p.monitor || types.Type() == unix.NL80211_IFTYPE_MONITOR
				}
				return nil
			})
		case unix.NL80211_ATTR_WIPHY_BANDS:
			ad.Nested(p.addBands)
		}
	}
	if err := ad.Err(); err != nil {
		return fmt.Errorf("decode radio: %w", err)
	}
	return nil
}

func (p *phy) addBands(bands *netlink.AttributeDecoder) error {
	for bands.Next() {
		bands.Nested(func(band *netlink.AttributeDecoder) error {
			for band.Next() {
				if band.Type() == unix.NL80211_BAND_ATTR_FREQS {
					band.Nested(p.addFrequencies)
				}
			}
			return nil
		})
	}
	return nil
}

func (p *phy) addFrequencies(list *netlink.AttributeDecoder) error {
	for list.Next() {
		list.Nested(func(f *netlink.AttributeDecoder) error {
			var mhz uint32
			var disabled, offset, quiet, radar bool
			for f.Next() {
				switch f.Type() {
				case unix.NL80211_FREQUENCY_ATTR_FREQ:
					mhz = f.Uint32()
				case unix.NL80211_FREQUENCY_ATTR_DISABLED:
					disabled = true
				case unix.NL80211_FREQUENCY_ATTR_OFFSET: // kHz, of sub-gigahertz channels
					offset = f.Uint32() != 0
				case unix.NL80211_FREQUENCY_ATTR_NO_IR:
					quiet = true
				case unix.NL80211_FREQUENCY_ATTR_RADAR:
					radar = true
				}
			}
			if c, ok := ChannelAt(int(mhz)); ok && !disabled && !offset {
				c.Quiet, c.Radar = quiet, radar
				p.channels = append(p.channels, c)
			}
			return nil
		})
	}
	return nil
}

// link is what rtnetlink says of an interface.
type link struct {
	index  uint32
	name   string
	up     bool
	bridge bool // said of it as a port of a bridge: that one ends when it leaves the bridge, not when it is gone
}

var errShortLink = errors.New("decode link: it is shorter than its header")

// decodeLink reads the body of RTM_NEWLINK or RTM_DELLINK: struct ifinfomsg and attributes.
func decodeLink(body []byte) (link, error) {
	if len(body) < unix.SizeofIfInfomsg {
		return link{}, errShortLink
	}
	out := link{
		index:  native().Uint32(body[4:]),
		up:     native().Uint32(body[8:])&unix.IFF_UP != 0,
		bridge: body[0] != unix.AF_UNSPEC,
	}
	ad, err := netlink.NewAttributeDecoder(body[unix.SizeofIfInfomsg:])
	if err != nil {
		return link{}, fmt.Errorf("decode link: %w", err)
	}
	for ad.Next() {
		if ad.Type() == unix.IFLA_IFNAME {
			out.name = ad.String()
		}
	}
	if err := ad.Err(); err != nil {
		return link{}, fmt.Errorf("decode link: %w", err)
	}
	return out, nil
}
