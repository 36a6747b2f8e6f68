package listen

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/listen/tap"
)

func TestReceiveBufferBySize(t *testing.T) {
	if got := usualBuffer(); got < leastBuffer || got > mostBuffer {
		t.Errorf("got %d bytes, want %d to %d", got, leastBuffer, mostBuffer)
	}
	d := tap.New(t, dot11.LinkRadiotap)
	s := open(t, Options{Interface: d.Name()})
	if err := s.conn.Control(func(fd uintptr) {
		got, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
		if err != nil || got/2 != usualBuffer() {
			t.Errorf("got %d bytes and %v, want %d", got/2, err, usualBuffer())
		}
	}); err != nil {
		t.Fatal(err)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	ethernet := tap.New(t, tap.Ethernet)
	monitor := tap.New(t, dot11.LinkRadiotap)
	for name, row := range map[string]struct {
		options Options
		want    error // nil: any
		says    string
	}{
		"no such interface":    {Options{Interface: "footfall-none"}, ErrGone, "check the name"},
		"no name":              {Options{}, ErrGone, "a name has 1 to 15 characters"},
		"a name too long":      {Options{Interface: strings.Repeat("x", 16)}, ErrGone, "a name has 1 to 15 characters"},
		"a path":               {Options{Interface: "../x"}, ErrGone, "a name has 1 to 15 characters"},
		"not in monitor mode":  {Options{Interface: ethernet.Name()}, ErrNotMonitor, "ARPHRD type 1, want 801, 802 or 803): set monitor: true"},
		"the loopback":         {Options{Interface: "lo"}, ErrNotMonitor, "ARPHRD type 772"},
		"snap below 0":         {Options{Interface: monitor.Name(), Snap: -1}, nil, "the snap length must be"},
		"snap above all":       {Options{Interface: monitor.Name(), Snap: maxSnap + 1}, nil, "the snap length must be"},
		"a buffer of no bytes": {Options{Interface: monitor.Name(), ReceiveBuffer: -1}, nil, "not negative"},
	} {
		s, err := Open(row.options)
		if s != nil || err == nil || row.want != nil && !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: got %v, want %v that says %q", name, err, row.want, row.says)
		}
	}
	for name, row := range map[string]struct {
		errno error
		want  error
		says  string
	}{
		"no privilege":      {unix.EPERM, ErrPermission, "CAP_NET_RAW"},
		"a policy":          {unix.EACCES, ErrPermission, "CAP_NET_RAW"},
		"a kernel without":  {unix.EAFNOSUPPORT, ErrUnsupported, "af_packet"},
		"out of open files": {unix.EMFILE, unix.EMFILE, "limits"},
	} {
		if err := socketError("wlan1", row.errno); !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: got %v, want %v that says %q", name, err, row.want, row.says)
		}
	}
}

func TestReadState(t *testing.T) {
	d := tap.New(t, dot11.LinkPrism)
	got, err := ReadState(d.Name())
	want := State{Index: got.Index, Up: true, Running: true, Type: 802, Link: dot11.LinkPrism, RxPackets: got.RxPackets}
	if err != nil || got != want || got.Index == 0 {
		t.Fatalf("got %+v and %v, want %+v", got, err, want)
	}
	// Beacons do not pass the filter, but they are heard.
	s := open(t, Options{Interface: d.Name()})
	for range 7 {
		send(t, d, under(t, dot11.LinkPrism, ofType(0x80)))
	}
	if _, err := s.Read(0); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v, want ErrTimeout", err)
	}
	if after, err := ReadState(d.Name()); err != nil || after.RxPackets != got.RxPackets+7 || after.Index != s.Index() {
		t.Errorf("got %+v and %v, want 7 packets more than %d", after, err, got.RxPackets)
	}
	if lo, err := ReadState("lo"); err != nil || lo.Link != 0 || lo.Type != unix.ARPHRD_LOOPBACK {
		t.Errorf("loopback: got %+v and %v, want type 772 and no link type", lo, err)
	}
}
