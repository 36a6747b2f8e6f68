//go:build !linux

package radio

import (
	"context"
	"errors"
)

var errLinuxOnly = errors.New("radios are used through the Linux kernel's nl80211: run the sensor on Linux, or give it capture files")

// Radio is one interface of one Wi-Fi radio; of Linux only.
type Radio struct{}

// Open fails here.
func Open(Options) (*Radio, error) { return nil, errLinuxOnly }

// Close does nothing here.
func (r *Radio) Close() error { return nil }

// Monitor fails here.
func (r *Radio) Monitor(context.Context) error { return errLinuxOnly }

// Up fails here.
func (r *Radio) Up() error { return errLinuxOnly }

// Restore does nothing here.
func (r *Radio) Restore() error { return nil }

// Channels fails here.
func (r *Radio) Channels() ([]Channel, error) { return nil, errLinuxOnly }

// SetChannel fails here.
func (r *Radio) SetChannel(Channel) error { return errLinuxOnly }

// Channel fails here.
func (r *Radio) Channel() (mhz int, err error) { return 0, errLinuxOnly }

// Watch fails here.
func Watch(context.Context, string) (<-chan EventKind, error) { return nil, errLinuxOnly }
