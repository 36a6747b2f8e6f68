package keys

import (
	"strings"
	"testing"
)

// through is what the filter lets through of what the runtime prints.
func through(printed string) string {
	var out strings.Builder
	f := new(crashFilter)
	for _, b := range []byte(printed) {
		if f.add(b) {
			if n := f.line(); n > 0 {
				out.Write(f.text[:n])
			}
		}
	}
	return out.String()
}

// TestTheCrashFilterKeepsWhatHoldsNoValues has what Go 1.26 prints, shortened. Every value is 0x5c1a9b7d3ef4 or its bytes.
func TestTheCrashFilterKeepsWhatHoldsNoValues(t *testing.T) {
	for _, row := range []struct{ name, printed, want string }{
		{"a panic", `panic: the index is broken

goroutine 7 [running]:
main.hold({0x5c, 0x1a, 0x9b, 0x7d, 0x3e, 0xf4}, 0x5c1a9b7d3ef4, {0xc000012345, 0x6})
	/src/main.go:12 +0x1d
main.(*Pipeline).Frame(0xc000102000, {0x5c1a9b7d3ef4?, ...})
	/src/pipeline.go:140 +0x2a5
main.(*Map[...]).Get(...)
	/src/map.go:9
main.Addr.Valid({0x5c, 0x1a, 0x9b, 0x7d, 0x3e, 0xf4})
	/src/addr.go:9 +0x1
created by main.main in goroutine 1
	/src/main.go:40 +0x85
exit status 2
`, `panic: the index is broken

goroutine 7 [running]:
main.hold(...)
	/src/main.go:12
main.(*Pipeline).Frame(...)
	/src/pipeline.go:140
main.(*Map[...]).Get(...)
	/src/map.go:9
main.Addr.Valid(...)
	/src/addr.go:9
created by main.main in goroutine 1
	/src/main.go:40
`},
		{"a panic in a panic, in several lines", "panic: one\n\tand two [recovered]\n\tpanic: three\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x5c1a9b7d3ef4 pc=0x47a]\n\ngoroutine 1 [running]:\n",
			"panic: one\n\tand two [recovered]\n\tpanic: three\n[signal SIGSEGV: segmentation violation code=\n\ngoroutine 1 [running]:\n"},
		{"a fault", "unexpected fault address 0x5c1a9b7d3ef4\nfatal error: fault\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x5c1a9b7d3ef4 pc=0x1]\n",
			"unexpected fault address \nfatal error: fault\n[signal SIGSEGV: segmentation violation code=\n"},
		{"SIGQUIT", "SIGQUIT: quit\nPC=0x48e0a1 m=0 sigcode=0\n\ngoroutine 0 gp=0x8b0 m=0 mp=0x8b1 [idle]:\nruntime.futex(0x5c1a9b7d3ef4, 0x80)\n\t/go/sys.s:558 +0x21 fp=0x7f sp=0x7e pc=0x48\n" +
			"rax    0x5c1a9b7d3ef4\nrip    0x48e0a1\ncs     0x33\n-----\n\nr0  0x5c1a9b7d3ef4\tr1  0x0\n",
			"SIGQUIT: quit\n\ngoroutine 0 [idle]:\nruntime.futex(...)\n\t/go/sys.s:558\n\n"},
		{"a corrupted heap", "runtime: marking free object 0x5c1a9b7d3ef4 found at *(0xc000+0x8)\nbase=0xc000 s.elemsize=16\n *(base+0) = 0x5c1a9b7d3ef4\n000000c000012000:  00005c1a9b7d3ef4 %main.f+0x1\nfatal error: marking free object\n\nruntime stack:\nruntime.throw({0x5c1a9b7d3ef4?, 0x1b?})\n\t/go/panic.go:1229 +0x48\n",
			"runtime: marking free object \nfatal error: marking free object\n\nruntime stack:\nruntime.throw(...)\n\t/go/panic.go:1229\n"},
		{"a stack that cannot be walked", "goroutine 4 [runnable]:\nmain.f()\nstack: frame={sp:0xc0, fp:0x0} stack=[0xc0,0xc8)\n0x000000c000: 0x00005c1a9b7d3ef4\n\n...additional frames elided...\n",
			"goroutine 4 [runnable]:\nmain.f(...)\n\n"},
		{"labels of a goroutine", "goroutine 4 [chan receive, 2 minutes] {from: 5c:1a:9b:7d:3e:f4}:\n", "goroutine 4 [chan receive, 2 minutes]:\n"},
		{"a header that is broken", "goroutine 4 5c:1a:9b:7d:3e:f4\n", ""},
		{"another header that is broken", "goroutine 4 5c:1a:9b:7d:3e:f4]\ngoroutine [a]\ngoroutine 4[a]\ngoroutine 4 a\n", ""},
		{"tabs without a message", "\t5c:1a:9b:7d:3e:f4\n", ""},
		{"what GODEBUG asks for", "gc 1 @0.012s 2%: 0.02 ms clock\n", "gc 1 @0.012s 2%: 0.02 ms clock\n"},
		{"something else", "addr: 5c:1a:9b:7d:3e:f4\n", ""},
		{"a long message", "panic: " + strings.Repeat("long ", 1000) + "\n\nrax 0x1\n", "panic: " + strings.Repeat("long ", 1000) + "\n\n"},
		{"a long call", "runtime stack:\n" + strings.Repeat("f", 2000) + "(0x5c1a9b7d3ef4)\nmain.g(0x1)\n", "runtime stack:\nmain.g(...)\n"},
		{"a long list of arguments", "runtime stack:\nmain.f(" + strings.Repeat("0x5c1a9b7d3ef4, ", 200) + ")\nmain.g(0x1)\n", "runtime stack:\nmain.f(...)\nmain.g(...)\n"},
		{"a long place", "runtime stack:\n\t/" + strings.Repeat("a", 2000) + ".go:1 +0x5c1a9b7d3ef4\nmain.g(0x1)\n", "runtime stack:\n\t/" + strings.Repeat("a", 1016) + "\nmain.g(...)\n"},
		{"arguments at the very end", "runtime stack:\n" + strings.Repeat("f", 1017) + "(0x5c1a9b7d3ef4)\nmain.g(0x1)\n", "runtime stack:\n" + strings.Repeat("f", 1017) + "(...)\nmain.g(...)\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := through(row.printed); got != row.want {
				t.Errorf("got\n%s\nwant\n%s", got, row.want)
			}
		})
	}
}

func FuzzCrashFilter(f *testing.F) {
	f.Add("panic: x\n\ngoroutine 1 [running]:\nmain.f(0x1)\n\t/a.go:1 +0x2\n")
	f.Add("goroutine ]\n(\n.(\n\t\n")
	f.Add("runtime: 0x\nSIG\n[signal 0x1]\n" + strings.Repeat("(", 2100))
	f.Fuzz(func(t *testing.T, printed string) {
		out := through("goroutine 1 [running]:\n" + printed)
		if len(out) > len(printed)+6*strings.Count(printed, "\n")+1200 {
			t.Errorf("%d bytes came of %d", len(out), len(printed))
		}
		if strings.Contains(printed, "panic") || strings.Contains(printed, "fatal error") {
			return
		}
		for line := range strings.Lines(out) {
			if i := strings.Index(line, "("); i >= 0 && !strings.HasPrefix(line, "\t") && !strings.HasPrefix(line, "created by ") &&
				!strings.HasPrefix(line, "goroutine ") && !strings.HasPrefix(line, "SIG") && !strings.HasPrefix(line, "[signal") &&
				!strings.HasPrefix(line, "runtime") && !strings.HasPrefix(line, "unexpected") && !strings.HasSuffix(line, "(...)\n") {
				t.Errorf("%q holds more than a name", line)
			}
		}
	})
}
