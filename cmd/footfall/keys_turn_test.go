package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/ingest/audit"
)

// TestTurningTheKeyringEveryNightForgetsTheDayBefore: what a timer runs, and nothing else is done with the keyring.
func TestTurningTheKeyringEveryNightForgetsTheDayBefore(t *testing.T) {
	b := newRingBench(t)
	log := b.path("audit.jsonl")
	b.must("make", "--store", "mall", "--audit-log", log)
	_, before := b.plain()
	for night := 1; night <= 3; night++ {
		b.time = ringDay.AddDate(0, 0, night)
		out := b.must("turn", "--audit-log", log)
		if want := "mall: day " + b.time.Format("2006-01-02") + ", week of 2026-01-26\n"; out != want {
			t.Errorf("night %d: got %q, want %q", night, out, want)
		}
		_, after := b.plain()
		gone := 0
		for _, key := range before {
			if !slices.Contains(after, key) {
				gone++
			}
		}
		if gone == 0 || len(after) != len(before) {
			t.Errorf("night %d: %d of %d keys are others, want the day's chain turned", night, gone, len(before))
		}
		before = after
	}
	again, keep := b.must("turn", "--audit-log", log), before
	if _, after := b.plain(); !slices.Equal(after, keep) || !strings.Contains(again, "day 2026-01-31") {
		t.Errorf("twice in a night: got %q and other keys, want nothing changed", again)
	}
	b.time = ringDay
	if out, err := b.try("turn", "--identity", b.path("id.txt")); err == nil {
		t.Errorf("a clock that was set back: got %q, want a refusal", out)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []audit.Kind
	if _, err := audit.Read(bytes.NewReader(text), func(e audit.Entry) error {
		kinds = append(kinds, e.Kind)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := []audit.Kind{audit.KeysMade, audit.KeysTurned, audit.KeysTurned, audit.KeysTurned, audit.KeysTurned}; !slices.Equal(kinds, want) {
		t.Errorf("got the entries %v, want %v", kinds, want)
	}
	for _, key := range before {
		if strings.Contains(b.said.String(), key) || bytes.Contains(text, []byte(key)) {
			t.Error("a key was said or noted")
		}
	}
}

// TestWhatCannotBeNotedIsNotDone: an audit log that another program has open, or that is damaged, stops it before it begins.
func TestWhatCannotBeNotedIsNotDone(t *testing.T) {
	b := newRingBench(t)
	log := b.path("audit.jsonl")
	other, err := openLog(log, "serve")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := b.try("make", "--store", "mall", "--identity", b.path("id.txt"), "--audit-log", log); err == nil || exists(b.path("keyring.age")) {
		t.Errorf("got %q, %v, want a refusal and no keyring", out, err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	b.must("make", "--store", "mall", "--audit-log", log)
}
