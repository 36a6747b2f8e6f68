package keys

import (
	"syscall"
	"unsafe"
)

// overrideWrite is through what the runtime writes its last words, and all else that it writes itself. The runtime keeps the name
// and the type for others (go.dev/issue/67401); without it the program does not link. It is read without a lock, so it is set
// before there are goroutines that matter.
//
//go:linkname overrideWrite runtime.overrideWrite
var overrideWrite func(fd uintptr, p unsafe.Pointer, n int32) int32

// lastWords is the state of what stands in for writing. There is one in the process, as there is one runtime; a closure would
// carry it, but may neither be kept from growing the stack nor from being watched by the race detector.
var lastWords crashFilter

// hushCrashes takes values out of what the Go runtime prints when the program dies: of a panic, a fault or SIGQUIT the message,
// the functions and the lines remain, and no argument, register or memory, which may be of an address or a key. The setting
// GOTRACEBACK cannot do that: it is fixed when the process starts, and fatal errors and signals pay no regard to it.
func hushCrashes() {
	if overrideWrite == nil {
		overrideWrite = writeLastWords
	}
}

// writeLastWords stands in for the runtime's write(2). It runs on any stack, without a processor, while the program is dying: it
// may not grow the stack, allocate or lock, and neither may what it calls. The runtime's print lock keeps two from writing to
// standard error at once.
//
//go:nosplit
//go:norace
//go:nocheckptr
func writeLastWords(fd uintptr, p unsafe.Pointer, n int32) int32 {
	if fd != 2 {
		return write(fd, uintptr(p), uintptr(n))
	}
	for i := range n {
		if !lastWords.add(*(*byte)(unsafe.Add(p, i))) {
			continue
		}
		if out := lastWords.line(); out > 0 {
			write(2, uintptr(unsafe.Pointer(&lastWords.text)), uintptr(out))
		}
	}
	return n
}

//go:nosplit
//go:norace
func write(fd, p, n uintptr) int32 {
	wrote, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, p, n)
	if errno != 0 {
		return -int32(errno)
	}
	return int32(wrote)
}
