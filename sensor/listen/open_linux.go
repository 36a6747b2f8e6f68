package listen

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	mostBuffer  = 2 << 20
	leastBuffer = 256 << 10
	memoryShare = 64
)

// Open opens a packet socket on an interface in monitor mode; the link type comes from the interface. One that is down is
// opened as well, and the first Read says ErrDown. The errors are ErrGone, ErrNotMonitor, ErrPermission, ErrUnsupported, or the
// operating system's, each with what to do about it.
func Open(o Options) (*Socket, error) {
	if o.Snap < 0 || o.Snap > maxSnap || o.ReceiveBuffer < 0 {
		return nil, fmt.Errorf("listen on %s: the snap length must be 0 to %d bytes, and the receive buffer not negative",
			o.Interface, maxSnap)
	}
	if o.Snap == 0 {
		o.Snap = DefaultSnap
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	state, err := interfaceState(o.Interface)
	if err != nil {
		return nil, err
	}
	if state.Link == 0 {
		return nil, fmt.Errorf("listen on %s: %w (ARPHRD type %d, want 801, 802 or 803): set monitor: true so that the sensor "+
			"switches it", o.Interface, ErrNotMonitor, state.Type)
	}
	// Protocol 0 receives nothing: no frame can arrive before the filter stands.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, socketError(o.Interface, err)
	}
	if err := prepare(fd, o, state); err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s: %w", o.Interface, err), unix.Close(fd))
	}
	s, err := newSocket(fd, o, state)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", o.Interface, err)
	}
	return s, nil
}

func socketError(name string, err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("listen on %s: %w: the sensor needs CAP_NET_RAW; start it by its service file, or give the binary the "+
			"capability with setcap cap_net_raw,cap_net_admin+ep", name, ErrPermission)
	case errors.Is(err, unix.EAFNOSUPPORT):
		return fmt.Errorf("listen on %s: %w: load the module af_packet, or use a kernel with CONFIG_PACKET", name, ErrUnsupported)
	}
	return fmt.Errorf("listen on %s: open a packet socket: %w: check the machine's limits on files and memory", name, err)
}

// prepare sets the socket's options, then binds it, which starts the frames.
func prepare(fd int, o Options, state State) error {
	if err := attach(fd, state.Link); err != nil {
		return err
	}
	if err := setReceiveBuffer(fd, o); err != nil {
		return err
	}
	// The 64-bit form (Linux 5.1) outlives 2038 on 32-bit machines. A socket with neither counts its records as untimed.
	err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1)
	if err != nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	}
	if err != nil {
		o.Logger.LogAttrs(context.Background(), slog.LevelWarn, "the kernel gives frames no times; the times of reading are used",
			slog.Any("err", err))
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
		// Before Linux 4.20 the frames that this machine sends are skipped when they are read.
		o.Logger.LogAttrs(context.Background(), slog.LevelDebug, "the kernel shows frames that this machine sends; they are skipped",
			slog.Any("err", err))
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: everyProtocol(), Ifindex: state.Index}); err != nil {
		if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) {
			err = fmt.Errorf("%w any more: plug the radio in again, or load its driver", ErrGone)
		}
		return fmt.Errorf("bind the packet socket: %w", err)
	}
	return nil
}

// everyProtocol is ETH_P_ALL in network byte order, as sockaddr_ll wants it on machines of either order.
func everyProtocol() uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], unix.ETH_P_ALL)
	return binary.NativeEndian.Uint16(b[:])
}

// attach gives the socket the filter for its link type.
func attach(fd int, link uint16) error {
	program, err := filter(link)
	if err != nil {
		return err
	}
	raw, err := bpf.Assemble(program)
	if err != nil {
		return fmt.Errorf("assemble the kernel's filter: %w", err)
	}
	code := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		code[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog); err != nil {
		return fmt.Errorf("give the kernel its filter: %w: use a kernel from 3.7 on", err)
	}
	return nil
}

// setReceiveBuffer asks for the size with CAP_NET_ADMIN, which may pass net.core.rmem_max, and else takes what that allows.
func setReceiveBuffer(fd int, o Options) error {
	size := o.ReceiveBuffer
	if size == 0 {
		size = usualBuffer()
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size) == nil {
		return nil
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size); err != nil {
		return fmt.Errorf("set the receive buffer to %d bytes: %w: choose another size", size, err)
	}
	// The kernel says twice what it gives.
	if got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil && got/2 < size {
		o.Logger.LogAttrs(context.Background(), slog.LevelWarn,
			"the receive buffer is smaller than asked for; give the sensor CAP_NET_ADMIN or raise net.core.rmem_max",
			slog.Int("bytes", got/2), slog.Int("wanted", size))
	}
	return nil
}

// usualBuffer is 2 MiB, less on a machine with under 128 MiB of memory. It is used only while the reader is late.
func usualBuffer() int {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return leastBuffer
	}
	share := uint64(info.Totalram) * uint64(info.Unit) / memoryShare //nolint:unconvert // 32 bits wide on 32-bit machines
	return int(max(leastBuffer, min(mostBuffer, share)))
}
