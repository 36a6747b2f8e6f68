package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal: what a person types goes into the first file, the program reads the second.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// silent waits until the terminal has stopped echoing: a person types only after the prompt.
func silent(t *testing.T, f *os.File) {
	t.Helper()
	for echoes(t, f) {
		time.Sleep(time.Millisecond) // there is nothing that says when a terminal's state changes
	}
}

func TestAPassphraseIsNotEchoed(t *testing.T) {
	person, program := terminal(t)
	var said bytes.Buffer
	done := make(chan error, 1)
	var got string
	go func() {
		var err error
		got, err = askTerminal(t.Context(), program, &said, "passphrase of keyring.age: ")
		done <- err
	}()
	silent(t, program)
	if _, err := io.WriteString(person, "correct horse\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got != "correct horse" {
		t.Errorf("got %q, want what was typed", got)
	}
	if said.String() != "passphrase of keyring.age: \n" {
		t.Errorf("got %q, want the prompt alone", said.String())
	}
	if _, err := io.WriteString(program, "mark"); err != nil {
		t.Fatal(err)
	}
	shown := make([]byte, 100)
	n, err := person.Read(shown)
	if err != nil || strings.Contains(string(shown[:n]), "horse") {
		t.Errorf("the terminal shows %q and %v, want nothing of the passphrase", shown[:n], err)
	}
	if !echoes(t, program) {
		t.Error("the terminal does not echo any more")
	}
}

func TestAnInterruptGivesTheTerminalItsEchoBack(t *testing.T) {
	person, program := terminal(t)
	ctx, interrupt := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := askTerminal(ctx, program, io.Discard, "passphrase: ")
		done <- err
	}()
	silent(t, program)
	interrupt()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if !echoes(t, program) {
		t.Error("the terminal does not echo any more")
	}
	_, _ = io.WriteString(person, "\n") // lets the reader that was left behind end
}
