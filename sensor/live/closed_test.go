package live

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/embedded"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/status"
)

// still is a sensor whose loop does not run, on an interface that is not there: its parts can be asked one by one.
func still(t *testing.T) (*sensor, *box) {
	t.Helper()
	b := &box{t: t, dir: t.TempDir(), data: t.TempDir(), clock: newTestClock()}
	started, err := embedded.Start(embedded.Options{DataDir: b.data})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.Close)
	b.addr = started.Addr()
	if err := broker.EnsureTopics(t.Context(), b.kafka(), broker.Settings{Partitions: 1, Replication: 1, SealAfter: 4 * time.Hour, Embedded: true}); err != nil {
		t.Fatal(err)
	}
	b.makeKeys()
	cfg, err := agent.ParseConfig(fmt.Appendf(nil, "state: %s\nbundle: %s\nsource: {interface: nosuchradio}\nlisten: 'off'\nkafka: {brokers: ['%s']}\n",
		filepath.Join(b.dir, "state"), filepath.Join(b.dir, "door.bundle"), b.addr))
	if err != nil {
		t.Fatal(err)
	}
	s, err := start(t.Context(), cfg, Options{Software: "test", Clock: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	s.serve()
	t.Cleanup(func() { _ = s.close() })
	for deadline := time.Now().Add(time.Minute); s.list.ConfirmedAt().IsZero(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the opt-out list was not read within a minute")
		}
	}
	return s, b
}

func (s *sensor) troubles() (all, closed []string) { return s.board.Now() }

func TestAListThatIsNotConfirmedFailsClosed(t *testing.T) {
	s, _ := still(t)
	for _, row := range []struct {
		after time.Duration
		want  bool
	}{{0, false}, {agent.OptOutMaxAge - time.Minute, false}, {agent.OptOutMaxAge + time.Minute, true}, {0, false}} {
		closed := s.failClosed(s.list.ConfirmedAt().Add(row.after))
		if got := slices.Contains(closed, string(status.ListStale)); got != row.want {
			t.Errorf("%v after the list was confirmed: got fail closed %v, want stale %v", row.after, closed, row.want)
		}
	}
}

func TestKeysThatCannotTurnFailClosed(t *testing.T) {
	s, b := still(t)
	today := s.keys.Day()
	id := b.hasher.ID(own(1))
	moved := filepath.Join(b.dir, "elsewhere")
	if err := os.Rename(filepath.Join(b.dir, "state"), moved); err != nil {
		t.Fatal(err)
	}
	if err := s.newDay(today + 1); err == nil {
		t.Fatal("got no error of a state that cannot be written, want one")
	}
	if _, closed := s.troubles(); !slices.Equal(closed, []string{string(status.KeysUnsaved)}) {
		t.Errorf("got fail closed %v, want keys_unsaved", closed)
	}
	if err := os.Rename(moved, filepath.Join(b.dir, "state")); err != nil {
		t.Fatal(err)
	}
	if err := s.newDay(today + 1); err != nil {
		t.Errorf("got %v when the state can be written again, want the keys turned", err)
	}
	if _, closed := s.troubles(); len(closed) != 0 || s.keys.Day() != today+1 {
		t.Errorf("got fail closed %v and keys of %s, want none and tomorrow's", closed, s.keys.Day())
	}
	if s.keys.Hasher().ID(own(1)) == id {
		t.Error("got yesterday's id after the keys turned")
	}
	if err := s.newDay(today + 60); err == nil {
		t.Error("got no error of a gap of 59 days, want one")
	}
	if _, closed := s.troubles(); !slices.Equal(closed, []string{string(status.KeyGap)}) {
		t.Errorf("got fail closed %v, want key_gap", closed)
	}
}

// TestSilenceIsToldFromEmptiness lets the interface hear beacons only, then nothing at all.
func TestSilenceIsToldFromEmptiness(t *testing.T) {
	b := newBox(t, nil)
	board, err := status.New(slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	var reopened []string
	e := &ear{
		name: b.radio.Name(), silentAfter: 5 * time.Minute, board: board, log: slog.New(slog.DiscardHandler),
		reopened: func(reason string) { reopened = append(reopened, reason) },
	}
	at := time.Now()
	if err := e.reopen(at); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.close() })
	silent := func() bool {
		all, _ := board.Now()
		return slices.Contains(all, string(status.CaptureSilent))
	}
	beacon := b.frame(made(1), -50)
	beacon[len(beacon)-24-12] = 0x80
	for range 5 {
		at = at.Add(4 * time.Minute)
		if err := b.radio.Write(beacon); err != nil {
			t.Fatal(err)
		}
		e.watch(at)
		if silent() || !e.hears() {
			t.Fatal("a shop where only beacons are heard is empty, not silent")
		}
	}
	if e.watch(at.Add(4 * time.Minute)); silent() {
		t.Error("got silence after 4 minutes, want it after 5")
	}
	e.watch(at.Add(5 * time.Minute))
	if !silent() || e.hears() || !slices.Equal(reopened, []string{reopenSilent}) {
		t.Errorf("got silent %v, open %v, reopened %v after 5 minutes of nothing, want silence and capture to be opened anew", silent(), e.hears(), reopened)
	}
	e.frame(t.Context(), time.Millisecond)
	if e.socket == nil || e.hears() {
		t.Fatal("capture was not opened anew, or a radio that heard nothing yet counts as listened to")
	}
	if err := b.radio.Write(beacon); err != nil {
		t.Fatal(err)
	}
	if e.watch(at.Add(6 * time.Minute)); silent() || !e.hears() {
		t.Error("got silence after something was heard, want its end")
	}
}

// TestAStartUnderAClockThatIsWrongFailsClosed starts sensors whose keys and clock do not go together. The trouble is in the metrics,
// in the heartbeats where Kafka can be reached, and no id leaves.
func TestAStartUnderAClockThatIsWrongFailsClosed(t *testing.T) {
	const day = 24 * time.Hour
	for _, row := range []struct {
		name       string
		keys, wall time.Duration // of the keys' making, and of the start, from now
		away       bool          // the broker
		want       status.Trouble
	}{
		{"a box that woke up before its keys", 3 * day, 0, false, status.ClockBeforeKeys},
		{"keys of 40 days ago", -40 * day, 0, false, status.ClockTooFar},
		{"keys of the day before yesterday, no broker", -2 * day, 0, true, status.ClockUnconfirmed},
		{"keys of the day before yesterday, a clock that is ten minutes ahead", -2 * day, 10 * time.Minute, false, status.ClockDisagrees},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBox(t, func(b *box) { b.clock.shift.Store(int64(row.keys)) })
			b.clock.shift.Store(int64(row.wall))
			if row.away {
				b.broker.Close()
			}
			r := b.start()
			r.troubled(string(row.want), 1)
			b.sends(own(1), -50)
			r.until("footfall_sensor_frames_total", 1)
			if row.away {
				b.startBroker()
				r.wait("ids after a broker confirmed the clock", func() bool { return r.metric("footfall_sensor_sends_ids") == 1 })
				r.end()
				return
			}
			said := func() bool {
				for _, e := range b.log(broker.Sightings) {
					if slices.Contains(e.GetHeartbeat().GetFailClosed(), string(row.want)) {
						return true
					}
				}
				return false
			}
			r.wait("a heartbeat that says so", said)
			if r.metric("footfall_sensor_sends_ids") != 0 {
				t.Error("got a sensor that sends ids")
			}
			r.end()
			if got := ids(b.log(broker.Sightings)); len(got) != 0 {
				t.Errorf("got %d ids, want none", len(got))
			}
		})
	}
}
