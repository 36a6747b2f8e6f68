package tap

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// Device is a TAP device, gone with its test at the latest. Its methods may be called from any goroutine.
type Device struct {
	name string
	mu   sync.RWMutex
	fd   int
}

// New makes a device for frames of a LINKTYPE_ number (105, 119, 127, 163, or Ethernet) and switches it on. It skips the test
// where the machine does not allow that.
func New(t testing.TB, link uint16) *Device {
	t.Helper()
	kind := arphrd(link)
	if kind == 0 {
		t.Fatalf("no interface gives link type %d", link)
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no TAP device here: open /dev/net/tun: %v", err)
	}
	d := &Device{fd: fd}
	t.Cleanup(d.Close)
	// Left to number it, the kernel would give the name of a closed device to the next test, of another package perhaps, and
	// the first test would find its interface still there.
	request, err := unix.NewIfreq(fmt.Sprintf("fftap%08x", rand.Uint32()))
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	switch err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); {
	case errors.Is(err, unix.EPERM):
		t.Skipf("no TAP device here: it needs root: %v", err)
	case err != nil:
		t.Fatalf("make a TAP device: %v", err)
	}
	d.name = request.Name()
	d.SetType(t, kind)
	d.Up(t)
	return d
}

// Name is the interface's name.
func (d *Device) Name() string { return d.name }

// Write lets the interface hear one frame of at least 14 bytes, link header first. A device that is down or closed gives an
// error, as does a frame that is too short for one.
func (d *Device) Write(frame []byte) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if _, err := unix.Write(d.fd, frame); err != nil {
		return fmt.Errorf("write to the TAP device: %w", err)
	}
	return nil
}

// Up switches the interface on.
func (d *Device) Up(t testing.TB) { t.Helper(); d.set(t, true) }

// Down switches the interface off.
func (d *Device) Down(t testing.TB) { t.Helper(); d.set(t, false) }

// SetType changes the kernel's ARPHRD number of an interface that is down, as leaving monitor mode does.
func (d *Device) SetType(t testing.TB, kind int) {
	t.Helper()
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := unix.IoctlSetInt(d.fd, unix.TUNSETLINK, kind); err != nil {
		t.Fatalf("set the TAP device's type to %d: %v", kind, err)
	}
}

// Close takes the interface away; a second time it does nothing.
func (d *Device) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fd >= 0 {
		_ = unix.Close(d.fd) // nothing was buffered
		d.fd = -1
	}
}

func (d *Device) set(t testing.TB, up bool) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	request, err := unix.NewIfreq(d.name)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, request); err != nil {
		t.Fatalf("read the flags of %s: %v", d.name, err)
	}
	flags := request.Uint16() &^ unix.IFF_UP
	if up {
		flags |= unix.IFF_UP
	}
	request.SetUint16(flags)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		t.Fatalf("set the flags of %s: %v", d.name, err)
	}
}
