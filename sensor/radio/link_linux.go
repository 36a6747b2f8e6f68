package radio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

func native() binary.ByteOrder { return binary.NativeEndian }

// findLink asks rtnetlink for an interface by name. ErrGone when there is none.
func findLink(rt *netlink.Conn, name string) (link, error) {
	ae := netlink.NewAttributeEncoder()
	ae.String(unix.IFLA_IFNAME, name)
	replies, err := linkRequest(rt, unix.RTM_GETLINK, netlink.Request, link{}, 0, ae)
	if err != nil {
		return link{}, explain("look for "+name, err)
	}
	for _, m := range replies {
		l, err := decodeLink(m.Data)
		if err != nil {
			return link{}, err
		}
		if l.name == name {
			return l, nil
		}
	}
	return link{}, fmt.Errorf("look for %s: %w", name, ErrGone)
}

// setUp takes an interface up or down.
func setUp(rt *netlink.Conn, l link, up bool) error {
	l.up = up
	doing := "take " + l.name + " down"
	if up {
		doing = "take " + l.name + " up"
	}
	_, err := linkRequest(rt, unix.RTM_NEWLINK, netlink.Request|netlink.Acknowledge, l, unix.IFF_UP, netlink.NewAttributeEncoder())
	return explain(doing, err)
}

// linkRequest sends struct ifinfomsg and attributes; change masks the flags that are meant.
func linkRequest(rt *netlink.Conn, kind netlink.HeaderType, flags netlink.HeaderFlags, l link, change uint32,
	ae *netlink.AttributeEncoder,
) ([]netlink.Message, error) {
	attributes, err := ae.Encode()
	if err != nil {
		return nil, fmt.Errorf("encode a request to rtnetlink: %w", err)
	}
	body := make([]byte, unix.SizeofIfInfomsg, unix.SizeofIfInfomsg+len(attributes))
	native().PutUint32(body[4:], l.index)
	if l.up {
		native().PutUint32(body[8:], unix.IFF_UP)
	}
	native().PutUint32(body[12:], change)
	return rt.Execute(netlink.Message{Header: netlink.Header{Type: kind, Flags: flags}, Data: append(body, attributes...)})
}

// explain adds to the kernel's word what it means for a radio.
func explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	var number syscall.Errno
	if !errors.As(err, &number) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	var means error
	switch number {
	case unix.ENODEV, unix.ENXIO:
		means = ErrGone
	case unix.ENETDOWN:
		means = ErrDown
	case unix.EBUSY:
		means = ErrBusy
	case unix.EPERM, unix.EACCES:
		means = ErrPermission
	case unix.ERFKILL:
		means = ErrBlocked
	case unix.EINVAL, unix.EOPNOTSUPP, unix.ERANGE:
		means = ErrRefused
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w: %w", doing, number, means)
}
