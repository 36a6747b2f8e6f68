package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// written is a capture file of the frames, cut by so many bytes.
func written(t testing.TB, cut int, frames ...air) string {
	t.Helper()
	var out bytes.Buffer
	w, err := capture.NewWriter(&out, dot11.LinkRadiotap, capture.Options{Nano: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if err := w.Write(f.record(t)); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.CreateTemp(t.TempDir(), "*.pcap")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(out.Bytes()[:out.Len()-cut]); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// replayed is what Replay gave of one capture.
type replayed struct {
	sink   *fakeSink
	counts Counts
}

func replay(t *testing.T, change func(*Replay), files ...string) ([]replayed, error) {
	t.Helper()
	var out []replayed
	r := Replay{
		Store: "try", Sensor: "capture", Zone: "capture", Calendar: zone(t, "Europe/Berlin"), RSSIInside: -70,
		Begin: func() Sink {
			out = append(out, replayed{sink: &fakeSink{t: t}})
			return out[len(out)-1].sink
		},
		End: func(c Counts) error {
			out[len(out)-1].counts = c
			conserves(t, c)
			return nil
		},
	}
	if change != nil {
		change(&r)
	}
	err := r.Run(t.Context(), files)
	return out, err
}

func TestReplayJoinsFilesThatFollow(t *testing.T) {
	r := newRig(t, nil)
	for _, row := range []struct {
		name  string
		files [][2]string // first and last frame of each
		want  []uint64    // frames of each capture
	}{
		{"one", [][2]string{{"10:00:00", "10:30:00"}}, []uint64{2}},
		{"the next minute", [][2]string{{"10:00:00", "10:30:00"}, {"10:31:00", "10:40:00"}}, []uint64{4}},
		{"exactly 15 minutes later", [][2]string{{"10:00:00", "10:30:00"}, {"10:45:00", "10:50:00"}}, []uint64{4}},
		{"more", [][2]string{{"10:00:00", "10:30:00"}, {"10:45:01", "10:50:00"}}, []uint64{2, 2}},
		{"a little overlap", [][2]string{{"10:00:00", "10:30:00"}, {"10:29:59", "10:40:00"}}, []uint64{4}},
		{"the older one second", [][2]string{{"10:00:00", "10:30:00"}, {"09:00:00", "09:30:00"}}, []uint64{2, 2}},
		{"three, the last apart", [][2]string{{"10:00:00", "10:30:00"}, {"10:31:00", "10:32:00"}, {"12:00:00", "12:01:00"}}, []uint64{4, 2}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var files []string
			for _, f := range row.files {
				files = append(files, written(t, 0, air{t: r.at(f[0]), addr: phone(1), dbm: -60}, air{t: r.at(f[1]), addr: phone(2), dbm: -60}))
			}
			out, err := replay(t, nil, files...)
			if err != nil {
				t.Fatal(err)
			}
			var got []uint64
			for _, c := range out {
				got = append(got, c.counts.Kept)
				if kinds := c.sink.kinds(); kinds[len(kinds)-1] != "heartbeat" || len(c.sink.sightings()) != int(c.counts.Sightings) {
					t.Errorf("got envelopes %v", kinds)
				}
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("got captures of %d frames, want %d", got, row.want)
			}
		})
	}
}

func TestAStaySurvivesThePauseBetweenTwoFiles(t *testing.T) {
	r := newRig(t, nil)
	one := written(t, 0, air{t: r.at("10:00:00"), addr: phone(1), dbm: -60}, air{t: r.at("10:10:00"), addr: made(1), dbm: -60})
	two := written(t, 0, air{t: r.at("10:12:00"), addr: phone(1), dbm: -80}, air{t: r.at("10:13:00"), addr: made(1), dbm: -60})
	out, err := replay(t, nil, one, two)
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != 1 || out[0].counts.PassersBy != 0 {
		t.Errorf("got %d captures and %d passers-by, want one capture in which the phone stays inside", len(out), out[0].counts.PassersBy)
	}
	ms := out[0].sink.minutes()
	last := ms[len(ms)-1].Rows
	if len(last) != 1 || last[0].Fresh != 0 || last[0].Back != 3 {
		t.Errorf("got rows %v, want an address that is back after 3 minutes, under the same class key", last)
	}
}

func TestReplayOfDamagedFiles(t *testing.T) {
	r := newRig(t, nil)
	good := written(t, 0, air{t: r.at("10:00:00"), addr: phone(1), dbm: -60})
	next := written(t, 0, air{t: r.at("10:05:00"), addr: phone(1), dbm: -60})
	cut := written(t, 10, air{t: r.at("10:01:00"), addr: phone(1), dbm: -60}, air{t: r.at("10:02:00"), addr: phone(1), dbm: -60}, air{t: r.at("10:03:00"), addr: phone(1), dbm: -60})
	hollow := written(t, 0)
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte("not a capture at all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.pcap")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		files  []string
		frames []uint64 // of each capture that ended
		want   string   // in the error; empty for none
		is     error
	}{
		{"good", []string{good, next}, []uint64{2}, "", nil},
		{"cut: what was read counts", []string{cut}, []uint64{2}, "cut or damaged after 2 records", nil},
		{"cut in the middle of several", []string{good, cut, next}, []uint64{4}, filepath.Base(cut), nil},
		{"two cut ones are both named", []string{cut, good, cut}, []uint64{2, 3}, "\n", nil},
		{"nothing but a header", []string{hollow}, nil, "no frames: record for longer", nil},
		{"no capture", []string{text}, nil, "not a capture", capture.ErrNotCapture},
		{"no byte", []string{empty}, nil, "0 bytes", capture.ErrEmpty},
		{"no file", []string{good + ".gone"}, nil, "open capture", fs.ErrNotExist},
		{"a folder", []string{t.TempDir()}, nil, "it is a folder", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			out, err := replay(t, nil, row.files...)
			if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q", err, row.want)
			}
			if row.is != nil && !errors.Is(err, row.is) {
				t.Errorf("got %v, want %v", err, row.is)
			}
			var truncated *capture.TruncatedError
			if slices.Contains(row.files, cut) && !errors.As(err, &truncated) {
				t.Errorf("got %v, want a truncated capture", err)
			}
			var got []uint64
			for _, c := range out {
				got = append(got, c.counts.Frames)
			}
			if !slices.Equal(got, row.frames) {
				t.Errorf("got captures of %d frames, want %d", got, row.frames)
			}
			if err != nil && strings.Count(err.Error(), filepath.Base(row.files[0])) > 2 {
				t.Errorf("got %q, want the file named once", err)
			}
		})
	}
}

func TestReplayOfNonsenseTimesGoesOn(t *testing.T) {
	r := newRig(t, nil)
	for name, first := range map[string]int64{"1970": 0, "after 2100": maxTime + 1} {
		t.Run(name, func(t *testing.T) {
			file := written(t, 0, air{t: first, addr: phone(1), dbm: -60}, air{t: r.at("10:00:00"), addr: phone(1), dbm: -60}, air{t: r.at("10:20:00"), addr: phone(1), dbm: -60})
			out, err := replay(t, nil, file)
			if err != nil {
				t.Fatal(err)
			}
			c := out[0].counts
			if c.Drops[DropBadTime] != 1 || c.Sightings != 2 {
				t.Errorf("got %d bad times and %d sightings, want 1 and 2", c.Drops[DropBadTime], c.Sightings)
			}
		})
	}
}

func TestReplayIsAlwaysOpenOverManyDaysWithOneClassKey(t *testing.T) {
	r := newRig(t, nil)
	var frames []air
	for h := range int64(50) {
		frames = append(frames, air{t: r.at("00:00:00") + h*60*minuteNS, addr: phone(1), dbm: -60, mute: h%2 == 0}, air{t: r.at("00:00:00") + h*60*minuteNS, addr: made(1), dbm: -60, model: 3})
	}
	out, err := replay(t, nil, written(t, 0, frames...))
	if err != nil {
		t.Fatal(err)
	}
	days, ids, classes, epochs := map[int32]bool{}, map[uint64]bool{}, map[uint16]bool{}, map[int32]bool{}
	for _, e := range out[0].sink.envelopes {
		days[e.Header.StoreDay] = true
		if e.Header.Boot != 1 || e.Header.Policy != wire.Policy_POLICY_STANDARD || e.Header.OptoutVersion != 0 {
			t.Errorf("got header %v", e.Header)
		}
		for _, s := range sightsOf(e) {
			ids[s.id] = true
		}
		for _, m := range minutesOf(e) {
			epochs[e.Header.ClassEpoch] = true
			for _, row := range m.Rows {
				classes[row.Class] = true
			}
		}
	}
	if len(days) != 3 || len(ids) != 3 || len(classes) != 1 || len(epochs) != 1 {
		t.Errorf("got %d days, %d ids, %d classes, %d epochs, want 3, 3, 1, 1", len(days), len(ids), len(classes), len(epochs))
	}
	if c := out[0].counts; c.Kept != 100 || c.NoRSSI != 25 || c.Sightings != 50 {
		t.Errorf("got %d kept, %d without strength, %d sightings, want 100, 25, 50", c.Kept, c.NoRSSI, c.Sightings)
	}
}

func TestReplayOptions(t *testing.T) {
	r := newRig(t, nil)
	file := written(t, 0, air{t: r.at("10:00:00"), addr: phone(1), dbm: -60}, air{t: r.at("10:00:00"), addr: phone(2), dbm: -66}, air{t: r.at("10:00:01"), addr: made(1), dbm: -60})
	broken := errors.New("broken")
	t.Run("exclude", func(t *testing.T) {
		out, err := replay(t, func(r *Replay) { r.Exclude = strings.NewReader("# tills\n\n 00-1B-63-00-00-01 \n") }, file)
		if err != nil || out[0].counts.Drops[DropExcluded] != 1 || out[0].counts.Sightings != 1 {
			t.Errorf("got %v, %+v", err, out[0].counts)
		}
	})
	t.Run("a broken exclude file", func(t *testing.T) {
		if out, err := replay(t, func(r *Replay) { r.Exclude = strings.NewReader("shop\n") }, file); err == nil || len(out) > 0 {
			t.Errorf("got %v and %d captures, want an error before anything is read", err, len(out))
		}
	})
	t.Run("inside", func(t *testing.T) {
		out, err := replay(t, func(r *Replay) { r.RSSIInside = -65 }, file)
		if err != nil || out[0].counts.Sightings != 1 || out[0].counts.OutsideBursts != 1 {
			t.Errorf("got %v, %+v", err, out[0].counts)
		}
	})
	t.Run("class", func(t *testing.T) {
		out, err := replay(t, func(r *Replay) { r.Class = func([]byte) uint16 { return 77 } }, file)
		if err != nil || out[0].sink.minutes()[0].Rows[0].Class != 77 {
			t.Errorf("got %v, %v", err, out[0].sink.minutes())
		}
	})
	t.Run("random", func(t *testing.T) {
		var ids []uint64
		for _, seed := range []byte{1, 1, 2} {
			out, err := replay(t, func(r *Replay) { r.Random = rand.NewChaCha8([32]byte{seed}) }, file)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, out[0].sink.sightings()[0].id)
		}
		if ids[0] != ids[1] || ids[0] == ids[2] {
			t.Error("the same seed gives other ids, or another the same")
		}
	})
	t.Run("progress", func(t *testing.T) {
		var said []int64
		if _, err := replay(t, func(r *Replay) { r.Progress = func(read, size int64) { said = append(said, read, size) } }, file); err != nil || len(said) < 2 || said[1] == 0 {
			t.Errorf("got %v, %d", err, said)
		}
	})
	t.Run("a sink that fails", func(t *testing.T) {
		if _, err := replay(t, func(r *Replay) { r.Begin = func() Sink { return &fakeSink{t: t, err: broken} } }, file); !errors.Is(err, broken) {
			t.Errorf("got %v, want %v", err, broken)
		}
	})
	t.Run("an end that fails", func(t *testing.T) {
		if _, err := replay(t, func(r *Replay) { r.End = func(Counts) error { return broken } }, file); !errors.Is(err, broken) {
			t.Errorf("got %v, want %v", err, broken)
		}
	})
	t.Run("stopped", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		rp := Replay{Store: "try", Sensor: "s", Calendar: r.set.Calendar, RSSIInside: -70, Begin: func() Sink { return &fakeSink{t: t} }, End: func(Counts) error { return nil }}
		if err := rp.Run(ctx, []string{file}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}

func TestAnExcludedAddressIsNoSighting(t *testing.T) {
	r := newRig(t, func(r *rig) { r.deps.excluded = map[hwaddr.Addr]struct{}{phone(1): {}, made(1): {}} })
	r.feed(mixture(seeded(8), r.at("10:00:00"), 3600e9, 20)...).finish()
	if r.hasher.ids[phone(1)] != 0 || r.hasher.tags[phone(1)] != 0 {
		t.Error("an excluded address was hashed")
	}
	if got := fmt.Sprint(r.deps.excluded); strings.Contains(got, "1b") || strings.Contains(got, "27 ") {
		t.Errorf("got %s of a list of addresses", got)
	}
}
