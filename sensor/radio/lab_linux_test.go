package radio

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestOnRealRadios runs in the lab's machine, on the radios of mac80211_hwsim: the kernel's own nl80211, with nothing behind it.
func TestOnRealRadios(t *testing.T) {
	if os.Getenv("FOOTFALL_LAB") != "1" {
		t.Skip("it takes the radios of the machine it runs on: make lab runs it, in a machine of its own")
	}
	for _, test := range []struct {
		name string
		run  func(t *testing.T, b *bench)
	}{
		{"a monitor and back", labMonitorAndBack},
		{"every channel is heard of and set", labChannels},
		{"hopping, and another program moves it", labHopping},
		{"another interface of the radio is in use", labBusy},
		{"down and up", labDown},
		{"switched off", labBlocked},
		{"killed", labKilled},
		{"killed, and another interface is named", labRenamed},
		{"pulled out and put back", labPulled},
		{"without the capability", labPermission},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newBench(t)) })
	}
}

func open(t *testing.T, name, dir string) *Radio {
	t.Helper()
	r, err := Open(Options{Interface: name, StateDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// monitor opens a radio as a monitor and restores it when the test ends.
func monitor(t *testing.T, name string) *Radio {
	t.Helper()
	r := open(t, name, t.TempDir())
	if err := r.Monitor(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Restore(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func check(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func labMonitorAndBack(t *testing.T, b *bench) {
	for _, up := range []bool{false, true} {
		dir := t.TempDir()
		b.up("wlan0", up)
		was := b.is("wlan0")
		r := open(t, "wlan0", dir)
		b.must(r.Restore()) // nothing to do yet
		check(t, "before", b.is("wlan0"), was)
		for range 2 {
			b.must(r.Monitor(t.Context()))
			check(t, "monitor", b.is("wlan0"), "monitor, up")
		}
		if _, err := os.Stat(filepath.Join(dir, memoryFile)); err != nil {
			t.Error(err)
		}
		b.must(r.Restore())
		check(t, "after", b.is("wlan0"), was)
		if _, err := os.Stat(filepath.Join(dir, memoryFile)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the file: got %v, want that it is gone", err)
		}
	}
	b.up("wlan0", false)
}

func labChannels(t *testing.T, _ *bench) {
	r := monitor(t, "wlan0")
	can, err := r.Channels()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("channels: %v", can)
	stops, warnings, err := Plan(PlanSpec{}, can)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("the default plan: got %q, %v", warnings, err)
	}
	t.Logf("default plan: %s", show(stops))
	if got, err := r.Channel(); got != 0 || err != nil {
		t.Errorf("before the first is set: got %d, %v, want 0", got, err)
	}
	for _, c := range can {
		if err := r.SetChannel(c); err != nil {
			t.Errorf("channel %s: %v", c, err)
			continue
		}
		if got, err := r.Channel(); got != c.MHz || err != nil {
			t.Errorf("channel %s: got %d, %v, want %d", c, got, err, c.MHz)
		}
	}
	if err := r.SetChannel(Channel{Band: Band24, Number: 99, MHz: 2999}); !errors.Is(err, ErrRefused) {
		t.Errorf("a channel that is none: got %v, want ErrRefused", err)
	}
}

// reports runs a hopper with a stay of 100 ms on each channel.
func reports(t *testing.T, r *Radio, channels ...string) <-chan Report {
	t.Helper()
	can, err := r.Channels()
	if err != nil {
		t.Fatal(err)
	}
	stops, _, err := Plan(PlanSpec{List: channels, Dwell: 100 * time.Millisecond}, can)
	if err != nil {
		t.Fatal(err)
	}
	out := make(chan Report, 1000)
	h, err := NewHopper(HopperOptions{Radio: r, Stops: stops, Report: func(r Report) { out <- r }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return out
}

// next waits for a report of this kind, passing over others.
func next(t *testing.T, from <-chan Report, kind string) Report {
	t.Helper()
	for {
		select {
		case r := <-from:
			if r.Kind == kind {
				return r
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("no report that says %s in 30 s", kind)
		}
	}
}

func labHopping(t *testing.T, _ *bench) {
	r := monitor(t, "wlan0")
	other := open(t, "wlan0", "") // another program
	from := reports(t, r, "1", "6", "11", "36", "149")
	for _, want := range []string{"1", "6", "11", "36", "149", "1"} {
		if got := next(t, from, Tuned).Channel.String(); got != want {
			t.Errorf("hop: got channel %s, want %s", got, want)
		}
		if got := next(t, from, Kept).Channel.String(); got != want {
			t.Errorf("kept: got channel %s, want %s", got, want)
		}
	}
	// The other program moves it again and again until the hopper finds it in the wrong place.
	moved, _ := ChannelAt(2472)
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		next(t, from, Tuned)
		if err := other.SetChannel(moved); err != nil {
			t.Fatal(err)
		}
		select {
		case report := <-from:
			if report.Kind != Taken {
				continue
			}
			if report.FoundMHz != 2472 {
				t.Errorf("taken: got %d MHz, want 2472", report.FoundMHz)
			}
			next(t, from, Kept) // and the hopper goes on
			return
		case <-time.After(10 * time.Second):
			t.Fatal("the hopper says nothing")
		}
	}
	t.Error("another program moved the radio, and nobody noticed")
}

func labBusy(t *testing.T, b *bench) {
	r := monitor(t, "wlan0")
	b.sibling("wlan0", "sibling0")
	b.up("sibling0", true)
	if err := r.SetChannel(able(2437)[0]); !errors.Is(err, ErrBusy) {
		t.Errorf("while it is up: got %v, want ErrBusy", err)
	}
	b.up("sibling0", false)
	if err := r.SetChannel(able(2437)[0]); err != nil {
		t.Errorf("when it is down: %v", err)
	}
}

func labDown(t *testing.T, b *bench) {
	r := monitor(t, "wlan1")
	watch, err := Watch(t.Context(), "wlan1")
	b.must(err)
	events(t, watch, Up)
	from := reports(t, r, "1", "6")
	next(t, from, Kept)
	b.up("wlan1", false)
	events(t, watch, Down)
	if err := next(t, from, Failed).Err; !errors.Is(err, ErrDown) {
		t.Errorf("the hopper: got %v, want ErrDown", err)
	}
	if err := r.SetChannel(able(2437)[0]); !errors.Is(err, ErrDown) {
		t.Errorf("set: got %v, want ErrDown", err)
	}
	if _, err := r.Channel(); !errors.Is(err, ErrDown) {
		t.Errorf("read: got %v, want ErrDown", err)
	}
	b.must(r.Monitor(t.Context()))
	events(t, watch, Up)
	next(t, from, Tuned)
	next(t, from, Kept)
	b.up("wlan1", false)
	events(t, watch, Down)
	b.must(r.Up())
	events(t, watch, Up)
	check(t, "in the end", b.is("wlan1"), "monitor, up")
}

func labBlocked(t *testing.T, b *bench) {
	r := open(t, "wlan1", "")
	b.block(true)
	defer b.block(false)
	if err := r.Monitor(t.Context()); !errors.Is(err, ErrBlocked) {
		t.Errorf("got %v, want ErrBlocked", err)
	}
	b.block(false)
	b.must(r.Monitor(t.Context()))
	b.must(r.Restore())
	check(t, "restored", b.is("wlan1"), "managed, down")
}

func labKilled(t *testing.T, b *bench) {
	dir := t.TempDir()
	b.up("wlan1", true)
	killed := open(t, "wlan1", dir)
	b.must(killed.Monitor(t.Context()))
	b.must(killed.Close()) // a kill closes no more than this

	again := open(t, "wlan1", dir)
	b.must(again.Monitor(t.Context())) // killed once more, after it had found its monitor ready
	b.must(again.Close())
	check(t, "left behind", b.is("wlan1"), "monitor, up")

	last := open(t, "wlan1", dir)
	b.must(last.Restore())
	check(t, "restored", b.is("wlan1"), "managed, up")
	b.up("wlan1", false)
}

func labRenamed(t *testing.T, b *bench) {
	dir := t.TempDir()
	killed := open(t, "wlan1", dir)
	b.must(killed.Monitor(t.Context()))
	b.must(killed.Close())
	r := open(t, "wlan0", dir)
	b.must(r.Monitor(t.Context()))
	check(t, "the one of before", b.is("wlan1"), "managed, down")
	check(t, "the one of now", b.is("wlan0"), "monitor, up")
	b.must(r.Restore())
	check(t, "restored", b.is("wlan0"), "managed, down")
}

func labPulled(t *testing.T, b *bench) {
	r := monitor(t, "wlan2")
	watch, err := Watch(t.Context(), "wlan2")
	b.must(err)
	events(t, watch, Up)
	from := reports(t, r, "1", "6")
	next(t, from, Kept)
	b.remove(2)
	events(t, watch, Down, Gone)
	if err := next(t, from, Failed).Err; !errors.Is(err, ErrGone) {
		t.Errorf("the hopper: got %v, want ErrGone", err)
	}
	if err := r.Monitor(t.Context()); !errors.Is(err, ErrGone) {
		t.Errorf("monitor: got %v, want ErrGone", err)
	}
	if err := r.SetChannel(able(2437)[0]); !errors.Is(err, ErrGone) {
		t.Errorf("set: got %v, want ErrGone", err)
	}
	b.plug()
	events(t, watch, Back, Down)
	b.must(r.Monitor(t.Context()))
	events(t, watch, Up)
	next(t, from, Tuned)
	next(t, from, Kept)
	check(t, "put back", b.is("wlan2"), "monitor, up")
	b.must(r.Restore())
	check(t, "restored", b.is("wlan2"), "managed, down")
}

func labPermission(t *testing.T, b *bench) {
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread, which is another user now, ends with the goroutine
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
			failed <- errno
			return
		}
		r, err := Open(Options{Interface: "wlan1"})
		if err == nil {
			err = errors.Join(r.Monitor(t.Context()), r.Close())
		}
		failed <- err
	}()
	if err := <-failed; !errors.Is(err, ErrPermission) {
		t.Errorf("got %v, want ErrPermission", err)
	}
	check(t, "after", b.is("wlan1"), "managed, down")
}
