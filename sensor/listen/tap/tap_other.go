//go:build !linux

package tap

import (
	"errors"
	"testing"
)

// Device does not exist on this operating system.
type Device struct{}

// New skips the test.
func New(t testing.TB, _ uint16) *Device {
	t.Helper()
	t.Skip("no TAP device here: this is not Linux")
	return nil
}

// Name is empty.
func (*Device) Name() string { return "" }

// Write always fails.
func (*Device) Write([]byte) error { return errors.New("write to the TAP device: this is not Linux") }

// Up does nothing.
func (*Device) Up(testing.TB) {}

// Down does nothing.
func (*Device) Down(testing.TB) {}

// SetType does nothing.
func (*Device) SetType(testing.TB, int) {}

// Close does nothing.
func (*Device) Close() {}
