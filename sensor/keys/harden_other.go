//go:build !linux

package keys

// HardenProcess does nothing on this system: live sensors run on Linux.
func HardenProcess() error { return nil }
