//go:build !linux

package listen

import (
	"fmt"
	"time"

	"github.com/openfootfall/footfall/sensor/capture"
)

// Socket does not exist on this operating system; it lets the sensor compile for reading files.
type Socket struct{}

// Open says that only Linux can listen.
func Open(o Options) (*Socket, error) {
	return nil, fmt.Errorf("listen on %s: %w: listen on Linux, or read capture files", o.Interface, ErrUnsupported)
}

// ReadState says that only Linux can listen.
func ReadState(name string) (State, error) {
	return State{}, fmt.Errorf("look for interface %s: %w: listen on Linux, or read capture files", name, ErrUnsupported)
}

// Read always fails.
func (*Socket) Read(time.Duration) (capture.Record, error) { return capture.Record{}, ErrUnsupported }

// Link is 0.
func (*Socket) Link() uint16 { return 0 }

// Index is 0.
func (*Socket) Index() int { return 0 }

// Untimed is 0.
func (*Socket) Untimed() uint64 { return 0 }

// Drops always fails.
func (*Socket) Drops() (uint64, error) { return 0, ErrUnsupported }

// Close does nothing.
func (*Socket) Close() error { return nil }
