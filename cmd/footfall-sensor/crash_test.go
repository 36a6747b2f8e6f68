package main

import (
	"bytes"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAListeningSensorDiesWithoutValues kills sensors at a radio under load, by each signal that makes Go print its stacks: no
// argument is among what is printed, so no address is. cmd/footfall has the search for addresses, and its control.
func TestAListeningSensorDiesWithoutValues(t *testing.T) {
	x := newKillBox(t, newKillBroker(t), 0)
	rnd := mathrand.New(mathrand.NewPCG(7, 7))
	for _, signal := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGSEGV, syscall.SIGTRAP} {
		cmd := exec.CommandContext(t.Context(), "footfall-sensor-synced", "--config", x.config)
		var errs bytes.Buffer
		cmd.Dir, cmd.Stderr, cmd.Env = x.dir, &errs, append(os.Environ(), "GOTRACEBACK=system")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if !x.ready(cmd, 20*time.Second) {
			t.Errorf("%v: the sensor was not ready in 20 s", signal)
		}
		x.load(rnd, 500*time.Millisecond)
		if err := cmd.Process.Signal(signal); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait()
		said := errs.String()
		if strings.Contains(said, "0x") || !strings.Contains(said, "\nSIG") || !strings.Contains(said, "agent.(*Pipeline)") && !strings.Contains(said, "live.(*") || cmd.ProcessState.ExitCode() != 2 {
			t.Errorf("%v: got exit status %d and\n%s", signal, cmd.ProcessState.ExitCode(), said)
		}
	}
}
