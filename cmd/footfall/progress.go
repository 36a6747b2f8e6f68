package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/openfootfall/footfall/sensor/agent"
)

const barWidth = 30

// bar draws progress on a terminal, one line that is drawn over; elsewhere it writes a line when it is done.
type bar struct {
	w        io.Writer
	label    string
	terminal bool
	last     int
	done     bool
}

func newBar(w io.Writer, label string) *bar {
	f, ok := w.(*os.File)
	return &bar{w: w, label: label, terminal: ok && term.IsTerminal(int(f.Fd())), last: -1}
}

// set draws that done of total is through; unit is printed behind the numbers.
func (b *bar) set(done, total int64, unit string) {
	if total <= 0 || b.done {
		return
	}
	percent := int(min(done, total) * 100 / total)
	if percent == b.last {
		return
	}
	b.last = percent
	b.done = percent == 100
	if b.terminal {
		n := percent * barWidth / 100
		fmt.Fprintf(b.w, "\r%-28s [%s%s] %3d%% %s", b.label, strings.Repeat("=", n), strings.Repeat(" ", barWidth-n), percent, unit)
		if b.done {
			fmt.Fprintln(b.w)
		}
	} else if b.done || percent%25 == 0 && percent > 0 {
		fmt.Fprintf(b.w, "%-28s %3d%% %s\n", b.label, percent, unit)
	}
}

// progress is a bar over a source's bytes, drawn on terminals only: what a pipe reads stays clean.
func progress(w io.Writer, label string) agent.Progress {
	b := newBar(w, label)
	if !b.terminal {
		return nil
	}
	return func(read, size int64) { b.set(read, size, "") }
}
