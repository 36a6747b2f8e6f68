package listen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/openfootfall/footfall/sensor/capture"
)

const (
	// senderBytes are the bytes of struct sockaddr_ll before the transmitter's address: it is in the frame already, and where
	// it is not asked for it need not be kept from anybody.
	senderBytes = 12
	// messageBytes is room for the timestamp's control message on every architecture, and to spare.
	messageBytes = 64
)

// Socket hears the probe requests of one interface. Read is for one goroutine; the other methods may be called from any.
type Socket struct {
	file  *os.File
	conn  syscall.RawConn
	name  string
	index int
	link  uint16
	kind  uint16 // the interface's ARPHRD number when the socket was opened

	// Everything that a read needs is made once, so that a frame costs no memory.
	buffer  []byte
	control []byte
	sender  unix.RawSockaddrLinklayer
	vector  unix.Iovec
	message unix.Msghdr
	try     func(fd uintptr)
	wait    func(fd uintptr) bool
	length  int
	errno   unix.Errno

	closed  atomic.Bool
	untimed atomic.Uint64
	mu      sync.Mutex
	drops   uint64
}

// newSocket takes over a bound, non-blocking packet socket.
func newSocket(fd int, o Options, state State) (*Socket, error) {
	s := &Socket{
		name: o.Interface, index: state.Index, link: state.Link, kind: state.Type,
		buffer: make([]byte, o.Snap), control: make([]byte, messageBytes),
		file: os.NewFile(uintptr(fd), "packet socket"),
	}
	conn, err := s.file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, s.file.Close())
	}
	s.conn = conn
	s.vector.Base = &s.buffer[0]
	s.vector.SetLen(len(s.buffer))
	s.message.Name = (*byte)(unsafe.Pointer(&s.sender))
	s.message.Iov = &s.vector
	s.message.SetIovlen(1)
	s.message.Control = &s.control[0]
	s.try = s.receive
	s.wait = func(fd uintptr) bool { s.receive(fd); return s.errno != unix.EAGAIN }
	return s, nil
}

// Read waits at most timeout for a probe request. The record's data is valid until the next Read; OrigLen is its length on the
// air, and Time when the kernel took it from the radio. The errors: ErrTimeout; ErrDown once when the interface goes down;
// ErrGone, which a socket whose interface was down already notices when a Read times out; ErrNotMonitor when a frame shows
// that the interface became something else; os.ErrClosed after Close, which ends a waiting Read at once.
func (s *Socket) Read(timeout time.Duration) (capture.Record, error) {
	// Most reads under load find a frame, and then no deadline has to be set.
	err := s.conn.Control(s.try)
	if err == nil && s.errno == unix.EAGAIN && timeout > 0 {
		if err = s.file.SetReadDeadline(time.Now().Add(timeout)); err == nil {
			err = s.conn.Read(s.wait)
		}
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return capture.Record{}, s.pollError(err)
	}
	if s.errno != 0 {
		return capture.Record{}, s.explain(s.errno)
	}
	if s.sender.Hatype != s.kind {
		return capture.Record{}, fmt.Errorf("listen on %s: %w any more (ARPHRD type %d, was %d): another program changed it; "+
			"set monitor: true, or stop that program", s.name, ErrNotMonitor, s.sender.Hatype, s.kind)
	}
	return capture.Record{
		Time: s.stamp(), Link: s.link, Data: s.buffer[:min(s.length, len(s.buffer))], OrigLen: s.length,
	}, nil
}

// receive takes the next frame that another station sent, without waiting. Several frames a system call (recvmmsg) would save
// a microsecond a frame and cost a buffer for each of them.
func (s *Socket) receive(fd uintptr) {
	for {
		s.message.Namelen = senderBytes
		s.message.SetControllen(len(s.control))
		n, _, errno := unix.Syscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&s.message)), unix.MSG_TRUNC|unix.MSG_DONTWAIT)
		s.length, s.errno = int(n), errno
		switch {
		case errno == unix.EINTR:
		case errno == 0 && s.sender.Pkttype == unix.PACKET_OUTGOING: // only kernels before 4.20 show them
		default:
			return
		}
	}
}

// stamp is the kernel's time of the frame in the buffer in Unix nanoseconds, or else the time now, which is counted.
func (s *Socket) stamp() int64 {
	for rest := s.control[:s.message.Controllen]; len(rest) >= unix.SizeofCmsghdr; {
		header, data, more, err := unix.ParseOneSocketControlMessage(rest)
		if err != nil {
			break
		}
		if header.Level == unix.SOL_SOCKET && (header.Type == unix.SO_TIMESTAMPNS_NEW || header.Type == unix.SO_TIMESTAMPNS) {
			if t, ok := timespec(data); ok {
				return t
			}
		}
		rest = more
	}
	s.untimed.Add(1)
	return time.Now().UnixNano()
}

// timespec reads seconds and nanoseconds: 64 bits each, or 32 each in the older message of 32-bit kernels.
func timespec(data []byte) (int64, bool) {
	switch {
	case len(data) >= 16:
		return int64(binary.NativeEndian.Uint64(data))*1e9 + int64(binary.NativeEndian.Uint64(data[8:])), true
	case len(data) >= 8:
		return int64(int32(binary.NativeEndian.Uint32(data)))*1e9 + int64(int32(binary.NativeEndian.Uint32(data[4:]))), true
	}
	return 0, false
}

// explain turns a failed read into one of the package's errors. The kernel says ENETDOWN for an interface that vanishes as
// well, and nothing at all when it vanishes after it went down; the socket's own index, which is then -1, tells them apart.
func (s *Socket) explain(errno unix.Errno) error {
	gone, err := s.gone()
	switch {
	case err != nil:
		return err
	case gone, errno == unix.ENODEV, errno == unix.ENXIO:
		return fmt.Errorf("listen on %s: %w any more: plug the radio in again, or load its driver", s.name, ErrGone)
	case errno == unix.EAGAIN:
		return ErrTimeout
	case errno == unix.ENETDOWN:
		return fmt.Errorf("listen on %s: %w: switch it on, or set monitor: true so that the sensor does", s.name, ErrDown)
	}
	return fmt.Errorf("listen on %s: %w: check the radio's driver in the kernel's log", s.name, errno)
}

func (s *Socket) gone() (bool, error) {
	var address unix.Sockaddr
	var err error
	if refused := s.conn.Control(func(fd uintptr) { address, err = unix.Getsockname(int(fd)) }); refused != nil {
		return false, s.pollError(refused)
	}
	if err != nil {
		return false, fmt.Errorf("listen on %s: ask for the socket's interface: %w", s.name, err)
	}
	packet, ok := address.(*unix.SockaddrLinklayer)
	return ok && packet.Ifindex != s.index, nil
}

// pollError is why Go's poller refused: its own error for a closed file is not os.ErrClosed.
func (s *Socket) pollError(err error) error {
	if s.closed.Load() {
		return os.ErrClosed
	}
	return fmt.Errorf("listen on %s: wait for the packet socket: %w: restart the sensor", s.name, err)
}

// Link is the LINKTYPE_ number of every record: 105, 119 or 127.
func (s *Socket) Link() uint16 { return s.link }

// Index is the interface's number, to be compared with State.Index: another one means that the interface was made anew.
func (s *Socket) Index() int { return s.index }

// Untimed is how many records bear the time of their reading because the kernel gave none.
func (s *Socket) Untimed() uint64 { return s.untimed.Load() }

// Drops is how many probe requests the kernel dropped since Open because the receive buffer was full.
func (s *Socket) Drops() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var stats *unix.TpacketStats
	var err error
	// Reading them sets the kernel's counters to 0.
	if refused := s.conn.Control(func(fd uintptr) {
		stats, err = unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS)
	}); refused != nil {
		return s.drops, s.pollError(refused)
	}
	if err != nil {
		return s.drops, fmt.Errorf("read the packet socket's drop counter: %w", err)
	}
	s.drops += uint64(stats.Drops)
	return s.drops, nil
}

// Close ends the socket and wakes a Read that waits. The interface stays as it is. Closing twice does nothing.
func (s *Socket) Close() error {
	s.closed.Store(true)
	if err := s.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("close the packet socket of %s: %w", s.name, err)
	}
	return nil
}
