package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDemoOfOneDayEndsInAReportThatHolds(t *testing.T) {
	needEngine(t)
	b := &bench{t: t, dir: t.TempDir()}
	out, err := b.program("footfall", "demo", "--days", "1", "--dir", b.path("demo")).CombinedOutput()
	if err != nil {
		t.Fatalf("footfall demo: %v\n%s", err, out)
	}
	for _, want := range []string{"Mon 2026-03-02", "checked: visits", "Busiest hours", "New versus repeat begins with the second week"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("nothing about %q in:\n%s", want, out)
		}
	}
}

func TestDemoNeverEmptiesAFolderThatIsNotItsOwn(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "holiday.txt")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := clearDemo(dir); err == nil || !strings.Contains(err.Error(), "--dir") {
		t.Errorf("got %v, want a refusal that names --dir", err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
	if err := clearDemo(mine); err == nil {
		t.Error("a file was taken for the demo's folder")
	}
	if text, err := os.ReadFile(mine); err != nil || string(text) != "mine" {
		t.Errorf("the file holds %q (%v), want it untouched", text, err)
	}
	again := filepath.Join(dir, "demo")
	for range 2 {
		if err := clearDemo(again); err != nil {
			t.Errorf("its own folder: got %v", err)
		}
	}
}

func TestTheDemosCheckFindsWhatIsWrong(t *testing.T) {
	var out strings.Builder
	report := brokenReport()
	if err := report.check(&out); err == nil {
		t.Fatal("a report that is far off passed")
	}
	for _, want := range []string{"was not sealed", "median dwell", "visits over all days", "estimated visits", "people inside", "week of 2026-03-09 is missing"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nothing about %q in:\n%s", want, out.String())
		}
	}
}
