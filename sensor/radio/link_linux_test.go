package radio

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/genetlink/genltest"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

func TestExplain(t *testing.T) {
	for _, test := range []struct {
		name  string
		errno syscall.Errno
		want  error // nil: none of ours
	}{
		{"no device", unix.ENODEV, ErrGone},
		{"network down", unix.ENETDOWN, ErrDown},
		{"busy", unix.EBUSY, ErrBusy},
		{"no capability", unix.EPERM, ErrPermission},
		{"rfkill", unix.ERFKILL, ErrBlocked},
		{"a channel that is forbidden", unix.EINVAL, ErrRefused},
		{"a driver that cannot", unix.EOPNOTSUPP, ErrRefused},
		{"a broken device", unix.EIO, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := explain("set channel 6 of wlan1", &netlink.OpError{Op: "receive", Err: test.errno})
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if !errors.Is(err, test.errno) || !strings.HasPrefix(err.Error(), "set channel 6 of wlan1: ") {
				t.Errorf("got %q, want what was being done and the kernel's word", err)
			}
		})
	}
	if err := explain("set channel", nil); err != nil {
		t.Errorf("no error: got %v, want none", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		name, iface string
		want        error
	}{
		{"no such interface", "footfall-none", ErrGone},
		{"not a radio", "lo", ErrNotWiFi},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := Open(Options{Interface: test.iface})
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if err == nil {
				t.Error(r.Close())
			}
		})
	}
}

// Only drivers that bring their own management have no monitor mode; mac80211, and so the lab's radios, always has one.
func TestARadioWithoutMonitorModeIsSaid(t *testing.T) {
	rt, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Close()
	lo, err := findLink(rt, "lo")
	if err != nil {
		t.Skipf("there is no loopback interface to stand for a radio: %v", err)
	}
	for _, test := range []struct {
		name  string
		types []uint16
		want  error
	}{
		{"only station and access point", []uint16{unix.NL80211_IFTYPE_STATION, unix.NL80211_IFTYPE_AP}, ErrNoMonitor},
		{"monitor, too", []uint16{unix.NL80211_IFTYPE_STATION, unix.NL80211_IFTYPE_MONITOR}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &Radio{name: "lo", rt: rt, nl: genltest.Dial(func(request genetlink.Message, _ netlink.Message) ([]genetlink.Message, error) {
				if request.Header.Command == unix.NL80211_CMD_GET_WIPHY {
					return []genetlink.Message{{Data: part(t, 0, test.types)}}, nil
				}
				return []genetlink.Message{{Data: attributes(t, func(ae *netlink.AttributeEncoder) {
					ae.Uint32(unix.NL80211_ATTR_IFINDEX, lo.index)
					ae.Uint32(unix.NL80211_ATTR_WIPHY, 0)
				})}}, nil
			})}
			defer r.nl.Close()
			if err := r.check(); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// tap makes an interface with a name of its own, and returns what removes it.
func tap(t *testing.T, name string) (remove func()) {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("/dev/net/tun cannot be opened: %v", err)
	}
	req, err := unix.NewIfreq(name)
	if err != nil {
		t.Fatal(err)
	}
	req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		unix.Close(fd)
		t.Skipf("an interface cannot be made (root can): %v", err)
	}
	closed := false
	remove = func() {
		if !closed {
			closed = true
			unix.Close(fd)
		}
	}
	t.Cleanup(remove)
	return remove
}

// events takes the next events, in order.
func events(t *testing.T, from <-chan EventKind, want ...EventKind) {
	t.Helper()
	for _, w := range want {
		select {
		case got, ok := <-from:
			if !ok || got != w {
				t.Fatalf("event: got %v, %v, want %v", got, ok, w)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("event: got none in 20 s, want %v", w)
		}
	}
}

func TestWatchARealInterface(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("making an interface needs root")
	}
	rt, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Close()
	const name = "footfall-w0"
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watch, err := Watch(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	events(t, watch, Gone)
	set := func(up bool) {
		t.Helper()
		l, err := findLink(rt, name)
		if err == nil {
			err = setUp(rt, l, up)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	remove := tap(t, name)
	events(t, watch, Back, Down)
	set(true)
	events(t, watch, Up)
	set(false)
	events(t, watch, Down)
	set(true)
	events(t, watch, Up)
	remove()
	events(t, watch, Down, Gone)
	tap(t, name)
	events(t, watch, Back, Down)
	set(true)
	events(t, watch, Up)
	second, err := Watch(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	events(t, second, Up)
	cancel()
	for range watch { //nolint:revive // until it is closed
	}
	for range second { //nolint:revive // until it is closed
	}
}
