//go:build !linux

package optout

// openFiles is how many files this process may have open at once, where nobody can say: as many as the default wants.
func openFiles() int { return 2 * DefaultConnections }
