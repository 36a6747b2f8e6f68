package status

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/openfootfall/footfall/sensor/clock"
)

// board is a board whose log is read as JSON lines.
func board(t testing.TB) (*Board, *prometheus.Registry, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	reg := prometheus.NewPedanticRegistry()
	b, err := New(slog.New(slog.NewJSONHandler(&log, nil)), reg)
	if err != nil {
		t.Fatal(err)
	}
	return b, reg, &log
}

// metrics are the samples of gauges and counters, by name and reason.
func metrics(t testing.TB, reg prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			out[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return out
}

type line struct {
	Level       string `json:"level"`
	Msg         string `json:"msg"`
	Reason      string `json:"reason"`
	FailsClosed bool   `json:"fails_closed"`
	Sentence    string `json:"sentence"`
	After       int64  `json:"after"` // nanoseconds
	MHz         int    `json:"mhz"`
}

func lines(t testing.TB, log *bytes.Buffer) []line {
	t.Helper()
	var out []line
	for text := range strings.Lines(log.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		out = append(out, l)
	}
	log.Reset()
	return out
}

// TestEveryTrouble takes each through its life: the log, the metrics, the heartbeat's lists.
func TestEveryTrouble(t *testing.T) {
	failClosed := []string{ // DESIGN section 6: no key, a bad clock, or an opt-out list that is not confirmed
		"clock_before_keys", "clock_disagrees", "clock_jumped", "clock_too_far", "clock_unconfirmed", "clock_unsynchronised",
		"key_gap", "keys_unsaved", "opt_out_list_stale", "opt_out_list_unread",
	}
	for _, trouble := range Troubles() {
		t.Run(string(trouble), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, reg, log := board(t)
				gauge, counter := "footfall_sensor_trouble "+string(trouble), "footfall_sensor_troubles_total "+string(trouble)
				b.Set(trouble, false)
				if got := lines(t, log); len(got) != 0 {
					t.Errorf("got %v for the end of what never began, want nothing", got)
				}
				closes := slices.Contains(failClosed, string(trouble))
				for round := range 2 {
					for range 3 {
						b.Set(trouble, true, slog.Int("mhz", 2412))
						time.Sleep(30 * time.Second) // of synctest's clock
					}
					want := line{"WARN", "trouble began", string(trouble), closes, trouble.Sentence(), 0, 2412}
					if got := lines(t, log); len(got) != 1 || got[0] != want {
						t.Errorf("got log %+v, want %+v once", got, want)
					}
					if m := metrics(t, reg); m[gauge] != 1 || m[counter] != float64(round+1) {
						t.Errorf("got gauge %v and counter %v, want 1 and %d", m[gauge], m[counter], round+1)
					}
					all, closed := b.Now()
					if len(all) != 1 || all[0] != string(trouble) || slices.Contains(closed, string(trouble)) != closes {
						t.Errorf("got %v and closed %v, want it alone, closed %v", all, closed, closes)
					}
					for range 2 {
						b.Set(trouble, false)
					}
					want = line{Level: "INFO", Msg: "trouble is over", Reason: string(trouble), After: int64(90 * time.Second)}
					if got := lines(t, log); len(got) != 1 || got[0] != want {
						t.Errorf("got log %+v, want %+v once", got, want)
					}
					if m := metrics(t, reg); m[gauge] != 0 || m[counter] != float64(round+1) {
						t.Errorf("got gauge %v and counter %v after the end, want 0 and %d", m[gauge], m[counter], round+1)
					}
					if all, closed := b.Now(); len(all)+len(closed) != 0 {
						t.Errorf("got %v and %v after the end, want nothing", all, closed)
					}
				}
			})
		})
	}
}

func TestEverySentenceSaysWhatToDo(t *testing.T) {
	seen := map[string]Trouble{}
	for _, trouble := range Troubles() {
		text := trouble.Sentence()
		what, next, found := strings.Cut(text, ": ")
		switch {
		case !found || len(what) < 20 || len(next) < 20:
			t.Errorf("%s: got %q, want what is wrong, a colon and what to do", trouble, text)
		case strings.ContainsAny(text, "\n|") || unicode.IsUpper(rune(text[0])) && !strings.HasPrefix(text, "Kafka") || strings.HasSuffix(text, "."):
			t.Errorf("%s: got %q, want one line as errors are written", trouble, text)
		case trouble.FailsClosed() != (strings.Contains(text, "only counters leave") || strings.Contains(text, "what is heard is dropped")):
			t.Errorf("%s: it does not say whether ids leave: %q", trouble, text)
		}
		if seen[text] != "" {
			t.Errorf("%s says the same as %s", trouble, seen[text])
		}
		seen[text] = trouble
	}
	if got := Trouble("none").Sentence(); got != "" {
		t.Errorf("got %q for no trouble", got)
	}
}

// TestTheClocksVerdictsAreTroubles keeps the two lists of names together, and what they say of frames.
func TestTheClocksVerdictsAreTroubles(t *testing.T) {
	all := Troubles()
	for v := clock.OK + 1; v <= clock.Disagrees; v++ {
		trouble := Trouble(v.String())
		if !slices.Contains(all, trouble) || !slices.Contains(ClockTroubles(), trouble) || !trouble.FailsClosed() {
			t.Errorf("%v is no trouble that fails closed", v)
		}
		if v.Usable() != !strings.Contains(trouble.Sentence(), "what is heard is dropped") {
			t.Errorf("%v: usable %v, and its sentence is %q", v, v.Usable(), trouble.Sentence())
		}
	}
	if got, want := len(ClockTroubles()), int(clock.Disagrees); got != want {
		t.Errorf("got %d troubles of the clock, want %d", got, want)
	}
}

func TestSetClock(t *testing.T) {
	b, _, log := board(t)
	for _, step := range []struct {
		verdict clock.Verdict
		want    []string
		logged  int
	}{
		{clock.OK, nil, 0},
		{clock.Unsynchronised, []string{"clock_unsynchronised"}, 1},
		{clock.Unsynchronised, []string{"clock_unsynchronised"}, 0},
		{clock.Jumped, []string{"clock_jumped"}, 2},
		{clock.OK, nil, 1},
	} {
		b.SetClock(step.verdict.String())
		all, closed := b.Now()
		if !slices.Equal(all, step.want) || !slices.Equal(closed, step.want) {
			t.Errorf("%v: got %v and %v, want %v", step.verdict, all, closed, step.want)
		}
		if got := lines(t, log); len(got) != step.logged {
			t.Errorf("%v: got log %v, want %d lines", step.verdict, got, step.logged)
		}
	}
}

func TestTheListIsClosed(t *testing.T) {
	b, reg, log := board(t)
	b.Set("made_up", true)
	b.Set("made_up", false)
	if all, closed := b.Now(); len(all)+len(closed) != 0 {
		t.Errorf("got %v and %v, want a made-up trouble on no list", all, closed)
	}
	if got := lines(t, log); len(got) != 1 || got[0].Level != "ERROR" {
		t.Errorf("got log %v, want an error", got)
	}
	if got, want := len(metrics(t, reg)), 2*len(Troubles()); got != want {
		t.Errorf("got %d samples, want %d: a gauge and a counter of every reason, from the start", got, want)
	}
	seen := map[Trouble]bool{}
	for _, trouble := range Troubles() {
		if seen[trouble] || len(trouble) > 60 || strings.Trim(string(trouble), "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("%s stands twice or is no name", trouble)
		}
		seen[trouble] = true
	}
}

func TestNowIsSorted(t *testing.T) {
	b, _, _ := board(t)
	for _, trouble := range Troubles() {
		b.Set(trouble, true)
	}
	all, closed := b.Now()
	if len(all) != len(Troubles()) || len(closed) != 10 || !slices.IsSorted(all) || !slices.IsSorted(closed) {
		t.Errorf("got %v and %v, want all and 10, sorted", all, closed)
	}
}

func TestTheBoardIsSharedByGoroutines(t *testing.T) {
	b, err := New(slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 500 {
				b.Set(Troubles()[(g+i)%len(Troubles())], i%3 == 0)
				b.Now()
			}
		})
	}
	all.Wait()
	for _, trouble := range Troubles() {
		b.Set(trouble, false)
	}
	if got, _ := b.Now(); len(got) != 0 {
		t.Errorf("got %v, want nothing", got)
	}
}

func TestMetricsAreWellNamed(t *testing.T) {
	_, reg, _ := board(t)
	if err := RegisterProcess(reg, time.Now()); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("got %v and %v, want none", problems, err)
	}
	if _, err := New(slog.New(slog.DiscardHandler), reg); err == nil {
		t.Error("got a second board on one registry, want an error")
	}
	if err := RegisterProcess(nil, time.Now()); err != nil {
		t.Errorf("got %v without a registry", err)
	}
}

// TestTheDocumentListsEveryTrouble compares sensor/README.md with the code, word for word.
func TestTheDocumentListsEveryTrouble(t *testing.T) {
	raw, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	const head = "| trouble | ids leave | what it is, and what to do |\n|---|---|---|\n"
	_, table, found := strings.Cut(string(raw), head)
	if !found {
		t.Fatal("sensor/README.md has no table of troubles")
	}
	if want := documented(); !strings.HasPrefix(table, want) {
		t.Errorf("the table of troubles differs from the code; it should be\n%s%s", head, want)
	}
	if rest := strings.TrimPrefix(table, documented()); strings.HasPrefix(rest, "|") {
		t.Error("the table of troubles goes on after the last that there is")
	}
}

// documented is the body of the document's table.
func documented() string {
	var rows strings.Builder
	for _, trouble := range Troubles() {
		leave := "yes"
		if trouble.FailsClosed() {
			leave = "no"
		}
		rows.WriteString("| `" + string(trouble) + "` | " + leave + " | " + trouble.Sentence() + " |\n")
	}
	return rows.String()
}
