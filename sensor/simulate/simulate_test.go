package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
)

const storesFile = `
stores:
  - {id: corner, time_zone: Europe/Berlin, hours: {mon-fri: "09:00-20:00", sat: "09:00-18:00"}, zones: [{id: floor, sensors: [{id: one}]}]}
  - {id: always, time_zone: America/St_Johns, zones: [{id: floor, sensors: [{id: one}]}]}
  - {id: siesta, time_zone: Europe/Madrid, hours: {mon-sun: "09:30-13:30,17:00-21:00"}, zones: [{id: floor, sensors: [{id: one}]}]}
`

func testStore(t testing.TB, id string) stores.Store {
	t.Helper()
	list, err := stores.Parse([]byte(storesFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.ID == id {
			return s
		}
	}
	t.Fatalf("no store %q", id)
	return stores.Store{}
}

func testConfig(t testing.TB, store, start string, days int) Config {
	t.Helper()
	d, err := calendar.ParseDay(start)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Default(testStore(t, store), d)
	cfg.Days = days
	return cfg
}

// captures keeps what Run writes, by store-day.
type captures struct {
	files  map[calendar.Day]*bytes.Buffer
	closed int
}

type kept struct {
	*bytes.Buffer
	c *captures
}

func (k kept) Close() error { k.c.closed++; return nil }

func (c *captures) sink(d calendar.Day) (io.WriteCloser, error) {
	if c.files == nil {
		c.files = make(map[calendar.Day]*bytes.Buffer)
	}
	c.files[d] = &bytes.Buffer{}
	return kept{c.files[d], c}, nil
}

func run(t testing.TB, cfg Config) (Truth, *captures) {
	t.Helper()
	c := &captures{}
	truth, err := Run(context.Background(), cfg, c.sink, nil)
	if err != nil {
		t.Fatal(err)
	}
	return truth, c
}

func TestEveryFrameIsAProbeRequestInTimeOrder(t *testing.T) {
	for name, store := range map[string]string{"shop hours": "corner", "always open": "always", "two spans": "siesta"} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t, store, "2026-01-12", 1)
			truth, c := run(t, cfg)
			probes := readCapture(t, c.files[cfg.Start].Bytes())
			cal := cfg.Store.Calendar
			last := cal.Start(cfg.Start).UnixMicro()
			channels, directed := map[byte]int{}, 0
			for i, p := range probes {
				if p.unix < last {
					t.Fatalf("frame %d is earlier than the one before it or than the day", i)
				}
				last = p.unix
				channels[p.channel]++
				if p.ssid != "" {
					directed++
				}
				if len(p.ids) < 6 || p.ids[0] != 0 || p.ids[1] != 1 || p.ids[2] != 50 || p.ids[3] != 3 || p.ids[4] != 45 {
					t.Fatalf("frame %d has elements %d", i, p.ids)
				}
			}
			if last >= cal.End(cfg.Start).UnixMicro() {
				t.Error("the last frame is after the end of the day")
			}
			if len(channels) != 3 || channels[6] < len(probes)/2 || directed == 0 || directed > len(probes)/5 {
				t.Errorf("channels %v, %d of %d frames directed", channels, directed, len(probes))
			}
			if got, want := int64(len(probes)), truth.Days[0].Frames.Random+truth.Days[0].Frames.Stable; got != want {
				t.Errorf("got %d frames, want the truth's %d", got, want)
			}
			if got, want := int64(c.files[cfg.Start].Len()), truth.Days[0].Frames.Bytes; got != want {
				t.Errorf("got %d bytes, want the truth's %d", got, want)
			}
		})
	}
}

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	cfg := testConfig(t, "corner", "2026-01-12", 2)
	truth, c := run(t, cfg)
	again, d := run(t, cfg)
	if asJSON(t, truth) != asJSON(t, again) {
		t.Error("the truth differs")
	}
	for day := range c.files {
		if !bytes.Equal(c.files[day].Bytes(), d.files[day].Bytes()) {
			t.Errorf("the capture of %s differs", day)
		}
	}
	for name, change := range map[string]func(*Config){
		"another seed":  func(c *Config) { c.Seed++ },
		"another store": func(c *Config) { c.Store.ID = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			other := cfg
			change(&other)
			_, d := run(t, other)
			if bytes.Equal(c.files[cfg.Start].Bytes(), d.files[cfg.Start].Bytes()) {
				t.Error("got the same capture")
			}
		})
	}
}

func TestADayAloneIsThatDayAmongMany(t *testing.T) {
	long := testConfig(t, "corner", "2026-01-12", 9)
	many, c := run(t, long)
	for name, row := range map[string]struct{ offset int }{"first": {0}, "a closed Sunday": {6}, "in the second week": {8}} {
		t.Run(name, func(t *testing.T) {
			one := long
			one.Start, one.Days = long.Start+calendar.Day(row.offset), 1
			truth, d := run(t, one)
			if !bytes.Equal(d.files[one.Start].Bytes(), c.files[one.Start].Bytes()) {
				t.Error("the capture differs")
			}
			if got, want := asJSON(t, truth.Days[0]), asJSON(t, many.Days[row.offset]); got != want {
				t.Errorf("got truth %s, want %s", got, want)
			}
		})
	}
}

func TestContinuousIsTheDaysInARow(t *testing.T) {
	cfg := testConfig(t, "corner", "2026-01-12", 3)
	_, days := run(t, cfg)
	if len(days.files) != 3 || days.closed != 3 {
		t.Errorf("got %d captures, %d closed, want 3", len(days.files), days.closed)
	}
	cfg.Continuous = true
	truth, one := run(t, cfg)
	if len(one.files) != 1 || one.closed != 1 {
		t.Errorf("got %d captures, %d closed, want 1", len(one.files), one.closed)
	}
	want := bytes.Clone(days.files[cfg.Start].Bytes())
	for i := 1; i < 3; i++ {
		want = append(want, days.files[cfg.Start+calendar.Day(i)].Bytes()[24:]...)
	}
	if !bytes.Equal(one.files[cfg.Start].Bytes(), want) {
		t.Error("one capture is not the three in a row")
	}
	if got := truth.Days[0].Frames.Bytes + truth.Days[1].Frames.Bytes + truth.Days[2].Frames.Bytes; got != int64(len(want)) {
		t.Errorf("got %d bytes by the truth, want %d", got, len(want))
	}
}

var errDisk = errors.New("disk full")

type failing struct{ closed *int }

func (f failing) Write([]byte) (int, error) { return 0, errDisk }
func (f failing) Close() error              { *f.closed++; return nil }

func TestFailuresAreReturned(t *testing.T) {
	cfg := testConfig(t, "corner", "2026-01-12", 2)
	closed := 0
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for name, row := range map[string]struct {
		ctx  context.Context
		sink func(calendar.Day) (io.WriteCloser, error)
		want error
	}{
		"the capture cannot be opened":  {context.Background(), func(calendar.Day) (io.WriteCloser, error) { return nil, errDisk }, errDisk},
		"the capture cannot be written": {context.Background(), func(calendar.Day) (io.WriteCloser, error) { return failing{&closed}, nil }, errDisk},
		"stopped before it began":       {ctx, (&captures{}).sink, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Run(row.ctx, cfg, row.sink, nil); !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
		})
	}
	if closed != 1 {
		t.Errorf("the failed capture was closed %d times, want once", closed)
	}
}

func TestProgressAndStopping(t *testing.T) {
	cfg := testConfig(t, "corner", "2026-01-12", 4)
	ctx, cancel := context.WithCancel(context.Background())
	var steps []int
	c := &captures{}
	_, err := Run(ctx, cfg, c.sink, func(done, total int) {
		if steps = append(steps, done); total != 4 {
			t.Errorf("got a total of %d, want 4", total)
		}
		if done == 2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || len(steps) != 2 || steps[1] != 2 || len(c.files) != c.closed {
		t.Errorf("got %v after steps %v, %d of %d captures closed", err, steps, c.closed, len(c.files))
	}
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func BenchmarkFrames(b *testing.B) {
	cfg := testConfig(b, "corner", "2026-01-12", 1)
	w := newWorld(cfg)
	day := w.live(cfg.Start)
	total := int64(0)
	for b.Loop() {
		heard, err := w.transmit(day, newPcapWriter(io.Discard))
		if err != nil {
			b.Fatal(err)
		}
		total += heard.random + heard.stable
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "frames/s")
}

func BenchmarkFiveWeeks(b *testing.B) {
	cfg := testConfig(b, "corner", "2026-01-12", 35)
	total := int64(0)
	for b.Loop() {
		truth, err := Run(context.Background(), cfg, func(calendar.Day) (io.WriteCloser, error) { return discard{}, nil }, nil)
		if err != nil {
			b.Fatal(err)
		}
		for _, d := range truth.Days {
			total += d.Frames.Random + d.Frames.Stable
		}
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "frames/s")
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }
