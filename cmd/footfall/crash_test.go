//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/keys"
)

// crashEnv makes TestCrashChild die: hard (as the programs are) or soft, how, and the capture that it reads until then.
const crashEnv = "FOOTFALL_TEST_CRASH"

// crashCanaries are the phones that a dying program has on its stacks. Their first bytes are such that an address is a possible
// pointer and has twelve hexadecimal digits.
func crashCanaries() []canary {
	list := newCanaries(60, 55)
	for i := range list {
		list[i].addr[0] = list[i].addr[0]&0x0f | byte(1+i%6)<<4
		list[i].does = comesIn
	}
	return list
}

func crashScanner(t *testing.T) *scanner {
	look := newScanner()
	for i, c := range crashCanaries() {
		look.address(t, i, c.addr)
		look.ssid(t, i, c.ssid)
	}
	return look
}

// TestCrashChild is the program that the tests below let die, with addresses as arguments on its stacks, and with frames of the
// same phones on their way through the sensor's steps.
func TestCrashChild(t *testing.T) {
	mode, rest, _ := strings.Cut(os.Getenv(crashEnv), " ")
	how, file, _ := strings.Cut(rest, " ")
	if mode == "" {
		t.Skip("skipped: the tests of crashes run it")
	}
	unlimited := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unlimited); err != nil && mode == "soft" {
		fmt.Println("no core:", err)
	}
	if mode == "hard" {
		if err := keys.HardenProcess(); err != nil {
			t.Fatal(err)
		}
	}
	never := make(chan int)
	var begun sync.WaitGroup // or the end comes before an address is on any stack
	for _, c := range crashCanaries() {
		begun.Add(1)
		go holdCanary(c.addr, asNumber(c.addr), c.ssid, begun.Done, never)
	}
	begun.Wait()
	store := privacyStore(t)
	go func() {
		for sink := (&dyingSink{how: how}); ; {
			r := agent.Replay{Store: "s", Sensor: "d", Zone: "z", Calendar: store.Calendar, RSSIInside: -70, Begin: func() agent.Sink { return sink }, End: func(agent.Counts) error { return nil }}
			if err := r.Run(context.Background(), []string{file}); err != nil {
				fmt.Println("replay:", err)
			}
		}
	}()
	<-never
}

func asNumber(a [6]byte) uint64 { return binary.BigEndian.Uint64(append([]byte{0, 0}, a[:]...)) }

// holdCanary is what a careless program would do: it has an address by value on its stack.
//
//go:noinline
func holdCanary(addr [6]byte, number uint64, ssid string, begun func(), never chan int) int {
	begun()
	x := <-never
	return x + int(addr[1]) + int(number) + len(ssid)
}

// dyingSink dies from within the sensor's steps.
type dyingSink struct {
	how  string
	sent int
}

func (s *dyingSink) Send(agent.Topic, *wire.Envelope) error {
	if s.sent++; s.sent != 20 {
		return nil
	}
	c := crashCanaries()[0]
	switch s.how {
	case "panic":
		panic("the sink broke")
	case "overflow":
		debug.SetMaxStack(1 << 20)
		overflow(c.addr, asNumber(c.addr))
	case "fault":
		*(*byte)(unsafe.Add(nil, asNumber(c.addr))) = 1
	}
	fmt.Println("ready") // for a signal
	return nil
}

//go:noinline
func overflow(addr [6]byte, number uint64) int {
	if number == 0 {
		return 0 // never: no canary is all zeros
	}
	return overflow(addr, number) + int(addr[0])
}

// crash lets the child die and gives what it wrote to standard error, and how it ended.
func crash(t *testing.T, dir, mode, how, traceback, file string, signal syscall.Signal) (said []byte, ended *os.ProcessState) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, self, "-test.run=^TestCrashChild$")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), crashEnv+"="+mode+" "+how+" "+file, "GOTRACEBACK="+traceback)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() != "ready" {
			t.Logf("the child says %q", lines.Text())
			continue
		}
		if mode == "hard" {
			noCore(t, cmd.Process.Pid)
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Error(err)
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the child did not die")
	}
	return errs.Bytes(), cmd.ProcessState
}

// noCore looks at a hardened process from outside: it may write no core, and its memory is root's.
func noCore(t *testing.T, pid int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Max core file size"); ok && strings.Join(strings.Fields(rest)[:2], " ") != "0 0" {
			t.Errorf("got a limit of %s for core files, want 0 0", strings.TrimSpace(rest))
		}
	}
	var of unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d/mem", pid), &of); err != nil || of.Uid != 0 {
		t.Errorf("its memory belongs to user %d (%v), want root", of.Uid, err)
	}
}

func crashCapture(t *testing.T) string {
	t.Helper()
	return canaryDay(t, filepath.Join(t.TempDir(), "day.pcap"), privacyStore(t), demoStart, crashCanaries(), 1)
}

// TestNoAddressIsInTheOutputOfACrash lets the sensor's steps die in each way, while addresses are arguments on its stacks. The
// same program without keys.HardenProcess shows that they would be found.
func TestNoAddressIsInTheOutputOfACrash(t *testing.T) {
	file, look := crashCapture(t), crashScanner(t)
	for _, row := range []struct {
		how     string
		signal  syscall.Signal
		message string
	}{
		{"quit", syscall.SIGQUIT, "SIGQUIT: quit\n"},
		{"abort", syscall.SIGABRT, "SIGABRT: abort\n"},
		{"segv", syscall.SIGSEGV, "SIGSEGV: segmentation violation\n"},
		{"panic", 0, "panic: the sink broke\n"},
		{"overflow", 0, "fatal error: stack overflow\n"},
		{"fault", 0, "fatal error: fault\n"},
	} {
		t.Run(row.how, func(t *testing.T) {
			controlled(t, look, func() []byte {
				said, _ := crash(t, t.TempDir(), "soft", row.how, "system", file, row.signal)
				return said
			})
			told := false
			for n := 0; n < crashTries && !told; n++ {
				said, ended := crash(t, t.TempDir(), "hard", row.how, "system", file, row.signal)
				look.forget()
				look.scan("a crash", said)
				look.nothing(t, "hardened")
				if bytes.Contains(said, []byte("0x")) {
					t.Errorf("a value was printed:\n%s", said)
				}
				told = tellsWhere(t, string(said), row.message, n == crashTries-1)
				if got := ended.ExitCode(); told && got != 2 {
					t.Errorf("got exit status %d, want 2", got)
				}
			}
		})
	}
}

// tellsWhere reports whether an operator learns from a crash where it was. Where it is the last try, what is missing is an error.
func tellsWhere(t *testing.T, said, message string, last bool) bool {
	t.Helper()
	for _, want := range []string{message, "goroutine ", "holdCanary(...)\n", "crash_test.go:"} {
		if strings.Contains(said, want) {
			continue
		}
		if last {
			t.Errorf("%q is missing: an operator learns too little from\n%s", want, said)
		}
		return false
	}
	return true
}

// crashTries is how often a child dies at most until it says where. A signal that comes while a thread is in C code, such as the race
// detector's, can end Go's own traceback before it reaches a canary; and what it may not say is looked for each time.
const crashTries = 10

// controlled has the same program die without hardening until an address is in what it says.
func controlled(t *testing.T, look *scanner, die func() []byte) {
	t.Helper()
	var said []byte
	for n := range crashTries {
		said = die()
		look.forget()
		look.scan("a crash", said)
		if len(look.hits) > 0 {
			t.Logf("without hardening: %d bytes, %d kinds of traces in try %d", len(said), len(look.hits), n+1)
			return
		}
	}
	t.Errorf("nothing was found without hardening in %d tries, so that nothing was found with it would prove nothing:\n%s", crashTries, said)
}

// TestNoCoreIsDumped asks for a core dump in every way there is.
func TestNoCoreIsDumped(t *testing.T) {
	file := crashCapture(t)
	dir := t.TempDir()
	said, _ := crash(t, dir, "hard", "abort", "crash", file, syscall.SIGABRT)
	look := crashScanner(t)
	look.scan("a crash", said)
	look.nothing(t, "hardened")
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("got %v (%v), want no file", left, err)
	}

	pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	if err != nil || strings.ContainsAny(string(pattern), "|/%") {
		t.Skipf("the control is skipped: core_pattern is %q (%v), and no plain name", pattern, err)
	}
	crash(t, dir, "soft", "abort", "crash", file, syscall.SIGABRT)
	cores, err := filepath.Glob(filepath.Join(dir, "core*"))
	if err != nil || len(cores) != 1 {
		t.Skipf("the control is skipped: got %v (%v), not one core: its size is limited here", cores, err)
	}
	look.forget()
	if !scanFor(t, look, cores[0]) {
		t.Error("no canary is in the core of a process without hardening, so that there is no core would prove little")
	}
}

// scanFor looks through a large file piece by piece, until something is found.
func scanFor(t *testing.T, look *scanner, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for piece := make([]byte, 1<<20); len(look.hits) == 0; {
		n, err := io.ReadFull(f, piece)
		look.scan("core", piece[:n])
		if err != nil {
			break
		}
	}
	return len(look.hits) > 0
}

// TestNoAddressIsInTheOutputOfASensorThatIsKilled does the same to the program footfall-sensor while it reads frames.
func TestNoAddressIsInTheOutputOfASensorThatIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped with -short: it builds footfall-sensor")
	}
	sensor, look, dir := buildSensor(t), crashScanner(t), t.TempDir()
	config := filepath.Join(dir, "sensor.yaml")
	text := fmt.Sprintf("state: %q\nsource: {files: ['-']}\nkafka: {brokers: ['127.0.0.1:9092']}\n", filepath.Join(dir, "state"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		signal := []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGSEGV}[i%3]
		cmd := exec.CommandContext(t.Context(), sensor, "--config", config, "--dry-run")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOTRACEBACK=system")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		in, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		feedUntilItDies(t, in, 20_000+i*1000, func() { _ = cmd.Process.Signal(signal) })
		_ = cmd.Wait()
		look.scan(signal.String(), errs.Bytes())
		if said := errs.String(); strings.Contains(said, "0x") || !strings.HasPrefix(said, "SIG") || !strings.Contains(said, "goroutine ") || cmd.ProcessState.ExitCode() != 2 {
			t.Errorf("%v: got exit status %d and\n%s", signal, cmd.ProcessState.ExitCode(), said)
		}
	}
	look.nothing(t, runtime.GOARCH)
}

// feedUntilItDies writes frames of the canaries until nobody reads them any more, and calls kill when some were read.
func feedUntilItDies(t *testing.T, in io.WriteCloser, after int, kill func()) {
	t.Helper()
	defer func() { _ = in.Close() }()
	w, err := capture.NewWriter(in, dot11.LinkRadiotap, capture.Options{Nano: true})
	if err != nil {
		t.Fatal(err)
	}
	list := crashCanaries()
	began := privacyStore(t).Calendar.Start(demoStart).Add(8 * time.Hour).UnixNano()
	for n := 0; ; {
		for _, c := range list {
			for _, a := range burst(t, c, began+int64(n)*int64(time.Millisecond), -50, uint16(n)) {
				if n++; n == after {
					kill()
				}
				if err := w.Write(capture.Record{Time: a.at, Data: a.data, OrigLen: a.original}); err != nil {
					return
				}
			}
		}
	}
}
