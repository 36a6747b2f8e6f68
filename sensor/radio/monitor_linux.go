package radio

import (
	"context"
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Monitor makes the interface a monitor that is up, and remembers in memory and in radio.json what it was. A monitor that is up
// already is left as it is, so it may be called again after every event of Watch: it also finds a radio that was put back in.
// The errors are those of this package; after one, call it again later.
func (r *Radio) Monitor(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, i, err := r.find()
	if err != nil {
		return err
	}
	if i.kind == unix.NL80211_IFTYPE_MONITOR && l.up {
		return nil
	}
	if err := r.keep(l, i); err != nil {
		return err
	}
	r.fresh = true
	if i.kind != unix.NL80211_IFTYPE_MONITOR {
		if err := r.become(ctx, l, unix.NL80211_IFTYPE_MONITOR); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("make %s a monitor: %w", r.name, err)
	}
	if err := setUp(r.rt, l, true); err != nil {
		return err
	}
	// A program that manages the interface may have answered to its going down by taking it back.
	if _, i, err = r.find(); err == nil && i.kind != unix.NL80211_IFTYPE_MONITOR {
		err = fmt.Errorf("make %s a monitor: it was taken back at once: %w", r.name, ErrBusy)
	}
	return err
}

// keep remembers what the interface is now. What an earlier run that was killed found there stays true as long as the interface
// is still the monitor which that run made of it.
func (r *Radio) keep(l link, i iface) error {
	if b := r.before; b != nil && b.Interface == r.name && i.kind == unix.NL80211_IFTYPE_MONITOR {
		return nil
	}
	if b := r.before; b != nil && b.Interface != r.name {
		if err := r.restore(*b); err != nil {
			r.log.Warn("an earlier run left another interface as a monitor, and it stays one", "interface", b.Interface, "error", err)
		}
	}
	kind, ok := typeName(i.kind)
	if !ok {
		return fmt.Errorf("make %s a monitor: it is of type %d, which could not be restored: name an ordinary interface of the radio", r.name, i.kind)
	}
	b := before{Interface: r.name, Phy: i.phy, Type: kind, Up: l.up}
	if err := remember(r.dir, b); err != nil {
		return err
	}
	r.before = &b
	return nil
}

// become changes the type. It takes the interface down first: few drivers change one that is up.
func (r *Radio) become(ctx context.Context, l link, kind uint32) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("change the type of %s: %w", l.name, err)
	}
	if l.up {
		if err := setUp(r.rt, l, false); err != nil {
			return err
		}
	}
	_, err := r.ask(unix.NL80211_CMD_SET_INTERFACE, netlink.Acknowledge, func(ae *netlink.AttributeEncoder) {
		ae.Uint32(unix.NL80211_ATTR_IFINDEX, l.index)
		ae.Uint32(unix.NL80211_ATTR_IFTYPE, kind)
		if kind == unix.NL80211_IFTYPE_MONITOR {
			// Frames of every network, but no control frames: acknowledgements are most of a busy channel, and nothing to us.
			ae.Nested(unix.NL80211_ATTR_MNTR_FLAGS, func(flags *netlink.AttributeEncoder) error {
				flags.Flag(unix.NL80211_MNTR_FLAG_OTHER_BSS, true)
				return nil
			})
		}
	})
	return explain("change the type of "+l.name, err)
}

// Up takes the interface up again, as it is. Monitor does so, too, and repairs its type.
func (r *Radio) Up() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, err := findLink(r.rt, r.name)
	if err != nil || l.up {
		return err
	}
	r.fresh = true
	return setUp(r.rt, l, true)
}

// Restore makes the interface what it was before the first Monitor, of this run or of an earlier one that was killed, and
// removes radio.json. An interface that is gone needs nothing: it will come back as its driver makes it. Without a Monitor it
// does nothing. After an error it may be called again.
func (r *Radio) Restore() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.before == nil {
		return nil
	}
	if err := r.restore(*r.before); err != nil {
		return fmt.Errorf("restore the radio: %w", err)
	}
	r.before = nil
	return forget(r.dir)
}

func (r *Radio) restore(b before) error {
	kind, ok := b.typeNumber()
	if !ok {
		return fmt.Errorf("type %q is not known", b.Type)
	}
	l, err := findLink(r.rt, b.Interface)
	if errors.Is(err, ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	i, err := r.readInterface(l.index)
	if err != nil {
		return err
	}
	if i.kind != unix.NL80211_IFTYPE_MONITOR {
		return nil // somebody else has made it what it is now
	}
	if i.kind != kind {
		if err := r.become(context.Background(), l, kind); err != nil {
			return err
		}
		l.up = false
	}
	if l.up == b.Up {
		return nil
	}
	return setUp(r.rt, l, b.Up)
}
