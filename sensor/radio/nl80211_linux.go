package radio

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Radio is one interface of one Wi-Fi radio. It is safe for concurrent use, and outlives the radio: one that was pulled out and
// put back in is found again by the next Monitor.
type Radio struct {
	name   string
	dir    string
	log    *slog.Logger
	nl     *genetlink.Conn
	family uint16
	rt     *netlink.Conn

	mu     sync.Mutex
	index  uint32
	phy    uint32
	fresh  bool    // nobody has set a channel since Monitor brought it up
	before *before // what Restore goes back to; nil: nothing was changed
}

// Open finds the radio and reads what an earlier run that was killed left to restore; it changes nothing. The errors are ErrGone,
// ErrNotWiFi and ErrNoMonitor.
func Open(o Options) (*Radio, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Radio{name: o.Interface, dir: o.StateDir, log: o.Logger}
	err := r.connect()
	if err == nil {
		err = r.check()
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	switch b, found, err := recall(r.dir); {
	case err != nil:
		r.log.Warn("what the radio was before is not known; at the end it stays as it is now", "error", err)
	case found:
		r.before = &b
	}
	return r, nil
}

func (r *Radio) connect() error {
	var err error
	if r.rt, err = netlink.Dial(unix.NETLINK_ROUTE, nil); err != nil {
		return fmt.Errorf("open rtnetlink: %w", err)
	}
	if r.nl, err = genetlink.Dial(nil); err != nil {
		return fmt.Errorf("open generic netlink: %w", err)
	}
	if _, err := findLink(r.rt, r.name); err != nil {
		return err
	}
	family, err := r.nl.GetFamily(unix.NL80211_GENL_NAME)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("use %s: the kernel has no Wi-Fi: %w", r.name, ErrNotWiFi)
	}
	if err != nil {
		return fmt.Errorf("look for nl80211: %w", err)
	}
	r.family = family.ID
	return nil
}

// check finds the interface and tells whether its radio can be a monitor.
func (r *Radio) check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, _, err := r.find(); err != nil {
		return err
	}
	p, err := r.readPhy()
	if err != nil {
		return err
	}
	if !p.monitor {
		return fmt.Errorf("use %s: %w", r.name, ErrNoMonitor)
	}
	return nil
}

// Close lets go of the kernel. It restores nothing: that is Restore's.
func (r *Radio) Close() error {
	var errs [2]error
	if r.nl != nil {
		errs[0] = r.nl.Close()
	}
	if r.rt != nil {
		errs[1] = r.rt.Close()
	}
	if err := errors.Join(errs[:]...); err != nil {
		return fmt.Errorf("close the radio: %w", err)
	}
	return nil
}

// Channels are those that the radio can listen on in its country, by frequency.
func (r *Radio) Channels() ([]Channel, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.readPhy()
	if err != nil {
		return nil, err
	}
	slices.SortFunc(p.channels, func(a, b Channel) int { return a.MHz - b.MHz })
	return slices.Compact(p.channels), nil
}

// SetChannel puts the radio on 20 MHz around the channel's centre. The interface must be a monitor and up. ErrBusy: another
// interface of the same radio is in use and decides; ErrRefused: the radio or its country forbids the channel.
func (r *Radio) SetChannel(c Channel) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := r.ask(unix.NL80211_CMD_SET_WIPHY, netlink.Acknowledge, func(ae *netlink.AttributeEncoder) {
		ae.Uint32(unix.NL80211_ATTR_IFINDEX, r.index)
		ae.Uint32(unix.NL80211_ATTR_WIPHY_FREQ, uint32(c.MHz))
		ae.Uint32(unix.NL80211_ATTR_CHANNEL_WIDTH, unix.NL80211_CHAN_WIDTH_20_NOHT)
		ae.Uint32(unix.NL80211_ATTR_WIPHY_CHANNEL_TYPE, unix.NL80211_CHAN_NO_HT)
	})
	if err == nil {
		r.fresh = false
		return nil
	}
	doing := fmt.Sprintf("set channel %s of %s", c, r.name)
	// The kernel says busy of a monitor that is down, too, and no device of one that is there again under another number.
	if l, lookErr := findLink(r.rt, r.name); lookErr == nil && l.index == r.index && !l.up {
		return fmt.Errorf("%s: %w", doing, ErrDown)
	}
	return explain(doing, err)
}

// Channel is the centre that the radio is on in MHz: what another program that moved it set. 0 where the driver does not say,
// and before the first SetChannel after Monitor brought the radio up. The errors are ErrGone and ErrDown.
func (r *Radio) Channel() (mhz int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	doing := "read the channel of " + r.name
	l, err := findLink(r.rt, r.name)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s: %w", doing, err)
	case l.index != r.index:
		return 0, fmt.Errorf("%s: another radio has its name now: %w", doing, ErrGone)
	case !l.up:
		return 0, fmt.Errorf("%s: %w", doing, ErrDown)
	}
	i, err := r.readInterface(l.index)
	if err != nil || r.fresh {
		return 0, err
	}
	return i.mhz, nil
}

// find looks the interface up by name and keeps its numbers. The caller holds mu.
func (r *Radio) find() (link, iface, error) {
	l, err := findLink(r.rt, r.name)
	if err != nil {
		return link{}, iface{}, err
	}
	i, err := r.readInterface(l.index)
	if err != nil {
		if errors.Is(err, ErrGone) {
			err = fmt.Errorf("use %s: %w", r.name, ErrNotWiFi) // there, but not for nl80211
		}
		return l, i, err
	}
	r.index, r.phy = l.index, i.phy
	return l, i, nil
}

func (r *Radio) readInterface(index uint32) (iface, error) {
	replies, err := r.ask(unix.NL80211_CMD_GET_INTERFACE, 0, func(ae *netlink.AttributeEncoder) {
		ae.Uint32(unix.NL80211_ATTR_IFINDEX, index)
	})
	if err != nil {
		return iface{}, explain("ask for "+r.name, err)
	}
	for _, m := range replies {
		i, err := decodeInterface(m.Data)
		if err != nil {
			return iface{}, err
		}
		if i.index == index {
			return i, nil
		}
	}
	return iface{}, fmt.Errorf("ask for %s: %w", r.name, ErrGone)
}

func (r *Radio) readPhy() (phy, error) {
	var out phy
	replies, err := r.ask(unix.NL80211_CMD_GET_WIPHY, netlink.Dump, func(ae *netlink.AttributeEncoder) {
		ae.Uint32(unix.NL80211_ATTR_WIPHY, r.phy)
		ae.Flag(unix.NL80211_ATTR_SPLIT_WIPHY_DUMP, true) // one message would not hold what radios of today can
	})
	if err != nil {
		return out, explain("ask what the radio of "+r.name+" can", err)
	}
	for _, m := range replies {
		if err := out.add(m.Data, r.phy); err != nil {
			return out, err
		}
	}
	return out, nil
}

// ask sends one request to nl80211.
func (r *Radio) ask(command uint8, flags netlink.HeaderFlags, fill func(*netlink.AttributeEncoder)) ([]genetlink.Message, error) {
	ae := netlink.NewAttributeEncoder()
	fill(ae)
	attributes, err := ae.Encode()
	if err != nil {
		return nil, fmt.Errorf("encode a request to nl80211: %w", err)
	}
	return r.nl.Execute(genetlink.Message{Header: genetlink.Header{Command: command}, Data: attributes}, r.family, netlink.Request|flags)
}
