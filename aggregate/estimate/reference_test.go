package estimate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// span prints the first minute of a capture, the number of its minutes and the gap, as counting.py's main computes them. The
// program runs when it is imported, so all but its last line is taken.
const span = `import sys; sys.path.insert(0, sys.argv[1])
exec(open(sys.argv[1] + "/counting.py").read().rsplit("main()", 1)[0])
drop = {bytes.fromhex(l.strip().replace(":", "")) for l in open(sys.argv[5])} if len(sys.argv) > 5 else set()
bs = bursts(sys.argv[4], drop); vs = visits(bs, int(sys.argv[2]))
W = float(np.mean([(e - s) / 60 for s, e in vs])) if len(vs) >= 30 else float(sys.argv[3])
m0 = int(bs[0][0] // 60)
print(m0, int(max(b[1] for b in bs) // 60) - m0 + 1, repr(float(np.clip(W, 12, 45))))`

// fromRoot finds a folder named by an environment variable, or beside the repository.
func fromRoot(t *testing.T, variable, folder string) string {
	t.Helper()
	if dir := os.Getenv(variable); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	dir = filepath.Join(dir, "..", "shared", folder)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("%s is not set and there is no shared/%s beside the repository", variable, folder)
	}
	return dir
}

func python(t *testing.T, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), "python3", args...)
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, stderr.Bytes())
	}
	return out
}

type referenceCell struct {
	Start     time.Time `json:"start"`
	Occupancy float64   `json:"occupancy"`
	Low       float64   `json:"occupancy_low"`
	High      float64   `json:"occupancy_high"`
	Stable    float64   `json:"stable"`
	Random    float64   `json:"random"`
}

// The reference's own counters, through this package, must give the reference's own cells.
func TestCellsOfTheReferencesCountersAreItsOwn(t *testing.T) {
	if err := exec.CommandContext(t.Context(), "python3", "-c", "import numpy").Run(); err != nil {
		t.Skip("python3 with numpy is not installed")
	}
	reference, data := fromRoot(t, "FOOTFALL_REFERENCE", "reference"), fromRoot(t, "FOOTFALL_DATA", "data")
	for name, row := range map[string]struct {
		capture, exclude string
		floor            int
		stay             string
	}{
		"a day of the lab":                {"brno-lab/position_1/2022-10-18.pcap.gz", "brno-lab/exclude.txt", -70, "36"},
		"another year":                    {"brno-lab/position_1/2024-02-08.pcap.gz", "brno-lab/exclude.txt", -70, "36"},
		"the other sensor, lower floor":   {"brno-lab/position_2/2024-04-04.pcap.gz", "brno-lab/exclude.txt", -75, "12"},
		"two minutes of a lecture":        {"polito-lecture/room-01.pcap.gz", "", -75, "12"},
		"a corridor, soft floor of -70":   {"polito-lecture/corridor-09.pcap.gz", "", -70, "12"},
		"the fullest lecture, high floor": {"polito-lecture/room-09.pcap.gz", "", -65, "12"},
	} {
		t.Run(name, func(t *testing.T) {
			program, capture := filepath.Join(reference, "counting.py"), filepath.Join(data, row.capture)
			floor := fmt.Sprint(row.floor)
			args := []string{program, "--floor", floor, "--stay", row.stay}
			spanArgs := []string{"-c", span, reference, floor, row.stay, capture}
			if row.exclude != "" {
				exclude := filepath.Join(data, row.exclude)
				args, spanArgs = append(args, "--exclude", exclude), append(spanArgs, exclude)
			}
			var first, n int64
			p := DefaultParams()
			p.FloorDBm = row.floor
			if _, err := fmt.Sscan(string(python(t, spanArgs...)), &first, &n, &p.Gap); err != nil {
				t.Fatal(err)
			}
			minutes := readCounters(t, python(t, append(args, "--counters", capture)...), first, n)
			compareCells(t, python(t, append(args, capture)...), Final(minutes, p, true))
		})
	}
}

func readCounters(t *testing.T, text []byte, first, n int64) []MinuteData {
	t.Helper()
	minutes := make([]MinuteData, n)
	for i := range minutes {
		minutes[i] = MinuteData{Minute: first + int64(i), Epoch: 16, ListenedS: 60, MemoryAge: 15}
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var at int64
		var r Row
		if _, err := fmt.Sscan(lines.Text(), &at, &r.Class, &r.Band, &r.Bursts, &r.Fresh, &r.Back); err != nil {
			t.Fatalf("counters: %v", err)
		}
		minutes[at-first].Rows = append(minutes[at-first].Rows, r)
	}
	return minutes
}

func compareCells(t *testing.T, text []byte, random []People) {
	t.Helper()
	var want []referenceCell
	for decoder := json.NewDecoder(bytes.NewReader(text)); decoder.More(); {
		var c referenceCell
		if err := decoder.Decode(&c); err != nil {
			t.Fatal(err)
		}
		want = append(want, c)
	}
	stable := map[int64]float64{} // by quarter: the reference gives no minutes
	for _, c := range want {
		stable[c.Start.Unix()/60/Quarter] = c.Stable
	}
	got := Cells(random, func(m int64) float64 { return stable[m/Quarter] })
	if len(got) != len(want) {
		t.Fatalf("got %d cells, want %d", len(got), len(want))
	}
	largest := 0.0
	for i, w := range want {
		g := got[i]
		if g.Start*60 != w.Start.Unix() {
			t.Fatalf("cell %d: got start %d, want %d", i, g.Start*60, w.Start.Unix())
		}
		off := max(math.Abs(g.Random-w.Random), math.Abs(g.Occupancy-w.Occupancy), math.Abs(g.Low-w.Low)/2, math.Abs(g.High-w.High)/2)
		largest = max(largest, off)
		if off > 1e-3+5e-4 { // its numbers are rounded to three places, and stable is one of them
			t.Errorf("%s: got %+v, want %+v", w.Start, g, w)
		}
	}
	t.Logf("%d cells, largest difference %.4f", len(want), largest)
}
