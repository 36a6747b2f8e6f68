package keys

// crashFilter reads what the Go runtime prints, line by line, and says what of each line may be seen. It knows the lines that
// hold no values; a line that it does not know it drops.
type crashFilter struct {
	text    [1024]byte
	n       int
	rest    bool // the beginning of this line was given out before its end came
	message bool // the last line was of a panic's message; it goes on in lines that begin with a tab
	trace   bool // a stack is printed: nothing but stacks comes now
}

// lineKind is what may be seen of a line.
type lineKind uint8

const (
	lineUnknown lineKind = iota // nothing
	lineWhole
	lineWords  // up to the first hexadecimal number
	lineHeader // the goroutine's number and, in brackets, its state
	linePlace  // up to the first space
	lineCall   // up to the arguments
)

// add takes a byte and says whether there is a line to give out.
//
//go:nosplit
//go:norace
func (f *crashFilter) add(b byte) bool {
	f.text[f.n] = b
	f.n++
	return b == '\n' || f.n == len(f.text)-len("(...)\n")
}

// line leaves at the beginning of f.text what may be seen of the line there, says how long that is, and begins the next one.
//
//go:nosplit
//go:norace
func (f *crashFilter) line() int {
	n, ended := f.n, f.text[f.n-1] == '\n'
	f.n = 0
	if f.rest { // of a line this long only a message goes on
		f.rest = !ended
		if f.message {
			return n
		}
		return 0
	}
	f.rest = !ended
	if ended {
		n--
	}
	kind := f.kind(n)
	keep := f.keep(kind, n)
	if keep == 0 && n > 0 || f.rest && f.message {
		return keep
	}
	f.text[keep] = '\n'
	return keep + 1
}

//go:nosplit
//go:norace
func (f *crashFilter) kind(n int) lineKind {
	if n > 0 && f.text[0] == '\t' {
		if f.message {
			return lineWhole
		}
		if f.trace {
			return linePlace
		}
		return lineUnknown
	}
	f.message = f.begins(n, "panic: ") || f.begins(n, "fatal error: ")
	switch {
	case f.message, f.begins(n, "created by "):
		return lineWhole
	case f.begins(n, "goroutine "):
		f.trace = true
		return lineHeader
	case f.begins(n, "runtime stack:"):
		f.trace = true
		return lineWhole
	case f.begins(n, "[signal "), f.begins(n, "SIG"), f.begins(n, "runtime: "), f.begins(n, "unexpected fault address "):
		return lineWords
	case f.trace:
		return lineCall
	case f.begins(n, "gc "), f.begins(n, "SCHED "): // what GODEBUG asks for
		return lineWhole
	}
	return lineUnknown
}

//go:nosplit
//go:norace
func (f *crashFilter) begins(n int, with string) bool {
	if n < len(with) {
		return false
	}
	for i := range len(with) {
		if f.text[i] != with[i] {
			return false
		}
	}
	return true
}

// keep is how many bytes of the line may be seen.
//
//go:nosplit
//go:norace
func (f *crashFilter) keep(kind lineKind, n int) int {
	if kind == lineWhole || kind == lineUnknown {
		return n * int(kind)
	}
	if kind == lineHeader {
		return f.header(n)
	}
	for i := range n {
		c, before := f.text[i], byte(0)
		if i > 0 {
			before = f.text[i-1]
		}
		switch {
		case kind == lineWords && c == 'x' && before == '0':
			return i - 1
		case kind == linePlace && c == ' ':
			return i
		case kind == lineCall && c == ' ': // a register
			return 0
		case kind == lineCall && c == '(' && before != '.': // after a dot it is a receiver's type
			for j := range len("(...)") {
				f.text[i+j] = "(...)"[j]
			}
			return i + len("(...)")
		}
	}
	if kind == lineWords || kind == linePlace {
		return n
	}
	return 0
}

//go:nosplit
//go:norace
func (f *crashFilter) header(n int) int {
	const number = len("goroutine ")
	out := number
	for out < n && f.text[out] >= '0' && f.text[out] <= '9' {
		out++
	}
	from := out
	for from < n && f.text[from] != '[' {
		from++ // over pointers
	}
	if out == number || from == out {
		return 0
	}
	f.text[out] = ' '
	out++
	for i := from; i < n; i++ {
		f.text[out] = f.text[i]
		out++
		if f.text[i] == ']' {
			f.text[out] = ':'
			return out + 1
		}
	}
	return 0
}
