package store

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// envCrash tells a copy of the test binary to be the process that is killed; it
// holds the folder to write to.
const envCrash = "FOOTFALL_TEST_CRASH"

// TestCrashWriter is no test but the process TestRowsSurviveKill kills: it
// writes rows, says so after each insert, and never ends.
func TestCrashWriter(t *testing.T) {
	dir := os.Getenv(envCrash)
	if dir == "" {
		t.Skip("runs only in the process that TestRowsSurviveKill starts")
	}
	db := open(t, dir)
	for i := 0; ; i++ {
		row := StoreDayRow{Store: "a", StoreDay: monday.AddDate(0, 0, i), StoreWeek: monday, Visits: uint32(i), Version: 1}
		if err := Insert(t.Context(), db, TableStoreDays, []StoreDayRow{row}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("stored", i)
	}
}

func TestRowsSurviveKill(t *testing.T) {
	dir := t.TempDir()
	open(t, dir).Close()
	stored := killWriter(t, dir)
	db := open(t, dir)
	got, err := Select[StoreDayRow](t.Context(), db, "SELECT * FROM store_days FINAL ORDER BY store_day")
	if err != nil {
		t.Fatal(err)
	}
	if len(got) < stored {
		t.Fatalf("got %d rows, want the %d that were said to be stored", len(got), stored)
	}
	for i, row := range got {
		if want := monday.AddDate(0, 0, i); !row.StoreDay.Equal(want) || row.StoreDay.Location() != time.UTC || row.Visits != uint32(i) {
			t.Errorf("row %d: got %v with %d visits, want %v with %d", i, row.StoreDay, row.Visits, want, i)
		}
	}
}

// killWriter runs the writer until it has stored 20 rows, kills it, and returns
// how many it had told of. The writer's time zone is another one: no row may
// depend on it.
func killWriter(t *testing.T, dir string) int {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashWriter$", "-test.v")
	command.Env = append(os.Environ(), envCrash+"="+dir, "TZ=America/New_York")
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	stored := 0
	lines := bufio.NewScanner(out)
	for stored < 20 && lines.Scan() {
		if strings.HasPrefix(lines.Text(), "stored") {
			stored++
		}
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err == nil || stored < 20 {
		t.Fatalf("the writer ended by itself after %d rows", stored)
	}
	return stored
}
