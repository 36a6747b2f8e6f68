// Package listen hears probe requests on a radio interface that is in monitor mode, without cgo. In come the name of such an
// interface and the frames that the kernel hands to an AF_PACKET socket; out go records as package capture's readers make
// them, one for each probe request: everything else is dropped by a filter inside the kernel. It knows the frame's type and
// nothing else of what is in a frame, and it changes nothing about the radio: that is for package radio.
//
// A socket says what happened to its interface, it repairs nothing. The interface may go down and come up again under the same
// socket; one that vanished or became something else needs a new socket.
package listen

import (
	"errors"
	"log/slog"

	"github.com/openfootfall/footfall/sensor/dot11"
)

// The errors of Open, Read and ReadState, for errors.Is.
var (
	// ErrTimeout means that no probe request came in time. Whether anything at all was heard is for ReadState to tell.
	ErrTimeout = errors.New("no probe request came in time")
	// ErrDown means that the interface went down. It is reported once; the same socket hears again when the interface is up.
	ErrDown = errors.New("the interface is down")
	// ErrGone means that there is no such interface, or not any longer. An interface that comes back under the same name is
	// another one: close the socket and open a new one.
	ErrGone = errors.New("there is no such interface")
	// ErrNotMonitor means an interface whose frames have no 802.11 header, or one whose type changed after Open.
	ErrNotMonitor = errors.New("the interface is not of the monitor type")
	// ErrPermission means that the process may not open a packet socket.
	ErrPermission = errors.New("no permission to listen on an interface")
	// ErrUnsupported means a kernel without packet sockets.
	ErrUnsupported = errors.New("this kernel has no packet sockets")
)

// DefaultSnap is how many bytes of a frame are kept by default. A class is a hash over all elements, so a probe request that
// is cut is of no use: this is the longest management frame (2,304 bytes, IEEE 802.11-2020 table 9-25) under a link header
// as long as drivers write.
const DefaultSnap = 2500

// maxSnap is what package capture believes a record's length to be at most.
const maxSnap = 256 << 10

// Options say what to listen to.
type Options struct {
	// Interface is the name of an interface in monitor mode.
	Interface string
	// Snap is how many bytes of a frame are kept, link header included; 0 is DefaultSnap.
	Snap int
	// ReceiveBuffer is how many bytes the kernel may hold for frames that were not read yet, its own overhead included (it
	// doubles the value for that, and counts the whole buffers that the driver filled, 1 to 5 KiB for a short frame). It has
	// to last while the reader writes to flash. 0 chooses by the machine's memory: 2 MiB, about a second of 1,000 to 2,000
	// frames a second, but never more than a 64th of it.
	ReceiveBuffer int
	// Logger is told once what the kernel could not give; nil tells nobody.
	Logger *slog.Logger
}

// State is what the kernel says about an interface.
type State struct {
	// Index is the interface's number, which no other interface of this machine ever gets.
	Index int
	// Up means switched on; Running means that it can receive as well.
	Up, Running bool
	// Type is the kernel's ARPHRD number: 803 is radiotap, 802 Prism or AVS, 801 raw 802.11, 1 an ordinary interface.
	Type uint16
	// Link is the LINKTYPE_ number of the records that Type gives, 0 for an interface that is not of the monitor type.
	Link uint16
	// RxPackets counts the frames of every type that the interface heard since it exists. The kernel's filter hides all but
	// probe requests from a Socket, so this tells a radio that is deaf from a place where nobody is.
	RxPackets uint64
}

// The kernel's numbers for interfaces in monitor mode (include/uapi/linux/if_arp.h).
const (
	typeRaw      = 801
	typePrism    = 802
	typeRadiotap = 803
)

// linkOf is the LINKTYPE_ number for an ARPHRD number, 0 when it is not a monitor type. Drivers that write AVS headers use
// Prism's number; the record itself tells which of the two it is.
func linkOf(arphrd uint16) uint16 {
	switch arphrd {
	case typeRaw:
		return dot11.LinkRaw
	case typePrism:
		return dot11.LinkPrism
	case typeRadiotap:
		return dot11.LinkRadiotap
	}
	return 0
}
