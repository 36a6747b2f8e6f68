package radio

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Watch sends the events of the interface of this name until the context ends, then closes the channel. The first says what it is
// now: Up, Down or Gone; it need not exist yet. It needs no privilege and no Open. An event that is not taken holds up the
// next ones, and the kernel's buffer: when that overflows, what was lost is asked for again. The error is of opening; a socket
// that fails later closes the channel.
func Watch(ctx context.Context, name string) (<-chan EventKind, error) {
	events, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{Groups: unix.RTMGRP_LINK})
	if err != nil {
		return nil, fmt.Errorf("watch %s: open rtnetlink: %w", name, err)
	}
	asking, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("watch %s: open rtnetlink: %w", name, err), events.Close())
	}
	out := make(chan EventKind, 16)
	go func() {
		defer close(out)
		defer asking.Close() //nolint:errcheck // nothing was written to it
		defer events.Close() //nolint:errcheck // nothing was written to it
		stop := context.AfterFunc(ctx, func() { _ = events.SetReadDeadline(time.Unix(1, 0)) })
		defer stop()
		watch(ctx, name, events, asking, out)
	}()
	return out, nil
}

func watch(ctx context.Context, name string, events, asking *netlink.Conn, out chan<- EventKind) {
	w := watcher{name: name}
	send := func(kinds []EventKind) bool {
		for _, k := range kinds {
			select {
			case out <- k:
			case <-ctx.Done():
				return false
			}
		}
		return true
	}
	first := now(asking, &w)
	if len(first) == 0 {
		first = []EventKind{Gone}
	} else {
		first = first[len(first)-1:] // it is not back, it was there
	}
	if !send(first) {
		return
	}
	for {
		messages, err := events.Receive()
		switch {
		case errors.Is(err, unix.ENOBUFS):
			if !send(now(asking, &w)) {
				return
			}
			continue
		case err != nil:
			return
		}
		for _, m := range messages {
			if m.Header.Type != unix.RTM_NEWLINK && m.Header.Type != unix.RTM_DELLINK {
				continue
			}
			l, err := decodeLink(m.Data)
			if err != nil || l.bridge {
				continue // not of the kind that is asked for
			}
			if !send(w.seen(l.index, l.name, l.up, m.Header.Type == unix.RTM_DELLINK)) {
				return
			}
		}
	}
}

// now asks what the interface is, instead of waiting until something happens to it.
func now(asking *netlink.Conn, w *watcher) []EventKind {
	l, err := findLink(asking, w.name)
	if err != nil {
		return w.absent()
	}
	return w.seen(l.index, l.name, l.up, false)
}
