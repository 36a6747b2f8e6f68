package live

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
	"github.com/openfootfall/footfall/sensor/status"
)

// registers writes a registration of the address to the registry, as the opt-out desk does.
func (b *box) registers(receipt byte, a hwaddr.Addr) {
	b.t.Helper()
	b.write(registry.Record{Key: bytes.Repeat([]byte{receipt}, 32), Tag: b.hasher.Tag(a), Day: 2200})
}

func (b *box) undoes(receipt byte) {
	b.t.Helper()
	b.write(registry.Record{Key: bytes.Repeat([]byte{receipt}, 32), Removed: true})
}

func (b *box) write(r registry.Record) {
	b.t.Helper()
	key, value, err := r.Encode()
	if err != nil {
		b.t.Fatal(err)
	}
	p, err := broker.NewProducer(b.kafka(), broker.ProducerOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = p.Close(b.t.Context()) }()
	if err := p.Send(b.t.Context(), broker.OptOuts, key, value); err != nil {
		b.t.Fatal(err)
	}
	if err := p.Flush(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// forgets lists the ids of the Forgets in Kafka.
func (b *box) forgets() (ids []uint64) {
	for _, e := range b.log(broker.Sightings) {
		if f := e.GetForget(); f != nil {
			ids = append(ids, f.Id)
		}
	}
	return ids
}

func (b *box) listFile() string { return filepath.Join(b.dir, "state", listFile) }

// savesList starts a sensor, waits until it has so many records, and stops it.
func (b *box) savesList(records float64) {
	b.t.Helper()
	r := b.start()
	r.until("footfall_registry_records", records)
	r.until("footfall_sensor_sends_ids", 1)
	r.end()
	if info, err := os.Stat(b.listFile()); err != nil || info.Mode() != 0o600 {
		b.t.Fatalf("the saved list: got %v, %v, want a file of mode 0600", info, err)
	}
}

// TestWithoutKafkaTheListOnDiskHolds starts a sensor without Kafka: a listed address is dropped from the first frame on, the ids of
// others are made and wait for Kafka and its list.
func TestWithoutKafkaTheListOnDiskHolds(t *testing.T) {
	b := newBox(t, nil)
	b.registers(1, own(1))
	b.savesList(1)
	b.broker.Close()

	r := b.start()
	r.until("footfall_sensor_sends_ids", 1)
	b.sends(own(1), -50)
	b.sends(own(2), -50)
	r.until("footfall_sensor_bursts_total", 1, `"sighting"`)
	if got := r.metric("footfall_sensor_dropped_frames_total", `"opted_out"`); got != 1 {
		t.Errorf("got %v frames dropped, want that of the listed address", got)
	}
	b.startBroker()
	r.wait("the sighting in Kafka", func() bool { return len(ids(b.log(broker.Sightings))) == 1 })
	r.end()
	if got := ids(b.log(broker.Sightings)); got[b.hasher.ID(own(2))] != 1 {
		t.Errorf("got %d sightings of the phone that is not listed, want 1", got[b.hasher.ID(own(2))])
	}
	if got := b.forgets(); len(got) != 0 {
		t.Errorf("got %d Forgets, want none: nothing joined", len(got))
	}
}

func TestAListOnDiskThatCannotBeUsedIsAsNone(t *testing.T) {
	b := newBox(t, nil)
	b.registers(1, own(1))
	b.savesList(1)
	good, err := os.ReadFile(b.listFile())
	if err != nil {
		t.Fatal(err)
	}
	b.broker.Close()
	for _, row := range []struct {
		name string
		file []byte
	}{
		{"damaged", append(slices.Clone(good[:len(good)-1]), good[len(good)-1]^1)},
		{"foreign", []byte(strings.Repeat("something else\n", 50))},
	} {
		if err := os.WriteFile(b.listFile(), row.file, 0o600); err != nil {
			t.Fatal(err)
		}
		r := b.start()
		b.sends(own(2), -50)
		r.until("footfall_sensor_bursts_total", 1, `"counted"`)
		if got := r.metric("footfall_sensor_sends_ids"); got != 0 {
			t.Errorf("%s: got ids sent, want counters only", row.name)
		}
		r.end()
	}
	b.startBroker()
	b.savesList(1) // and it is written anew
	if now, err := os.ReadFile(b.listFile()); err != nil || len(now) != len(good) {
		t.Errorf("got %d bytes, %v, want a list again", len(now), err)
	}
}

// TestHowOldTheListOnDiskMayBe judges the time of the last confirmation that the file holds.
func TestHowOldTheListOnDiskMayBe(t *testing.T) {
	s, _ := still(t)
	s.end() // and with it what follows Kafka's list
	s.work.Wait()
	s.trusted.Store(true)
	if saved, err := s.saveList(); !saved || err != nil {
		t.Fatal(err)
	}
	at := s.list.ConfirmedAt()
	s.list = registry.NewList()
	s.loadList()
	s.began = at.Add(-time.Hour)
	for _, row := range []struct {
		name  string
		after time.Duration
		want  string
	}{
		{"just now", 0, ""},
		{"47 hours", 47 * time.Hour, ""},
		{"more than 48 hours", agent.OptOutMaxAge + time.Minute, string(status.ListStale)},
		{"a clock set back a little", -time.Minute, ""},
		{"a clock before the confirmation", -time.Hour, string(status.ListUnread)},
		{"the clock is right again", time.Minute, ""},
	} {
		closed := s.failClosed(at.Add(row.after))
		if row.want == "" && len(closed) != 0 || row.want != "" && !slices.Equal(closed, []string{row.want}) {
			t.Errorf("%s: got fail closed %v, want %q", row.name, closed, row.want)
		}
	}
	if got := s.listAge(); got < 0 || got > time.Minute {
		t.Errorf("got an age of %v, want that of the list", got)
	}
	s.list = registry.NewList()
	if got := s.listAge(); got != never {
		t.Errorf("got an age of %v without a list, want %v", got, never)
	}
}

// TestAListIsSavedUnderAClockToBeTrusted, and not again without news.
func TestAListIsSavedUnderAClockToBeTrusted(t *testing.T) {
	s, _ := still(t)
	s.end()
	s.work.Wait()
	s.trusted.Store(false)
	if saved, err := s.saveList(); saved || err != nil {
		t.Errorf("got saved %v, %v under a clock that is not to be trusted, want not", saved, err)
	}
	s.trusted.Store(true)
	if saved, err := s.saveList(); !saved || err != nil {
		t.Fatalf("got saved %v, %v, want it saved", saved, err)
	}
	if err := os.Remove(s.listPath()); err != nil {
		t.Fatal(err)
	}
	if saved, err := s.saveList(); !saved || err != nil {
		t.Errorf("got saved %v, %v, want nothing to do", saved, err)
	}
	if _, err := os.Stat(s.listPath()); err == nil {
		t.Error("got a list written twice, want once")
	}
	if err := os.Mkdir(s.listPath()+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.listPath()+".new", "in the way"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.listSaved = time.Time{}
	if saved, err := s.saveList(); saved || err == nil {
		t.Errorf("got saved %v, %v with a folder in its place, want an error", saved, err)
	}
}

// TestARegistrationMakesOneForget through Kafka, on a sensor that heard the device and for one that nobody heard.
func TestARegistrationMakesOneForget(t *testing.T) {
	b := newBox(t, nil)
	r := b.start()
	for n := range 3 {
		b.sends(own(n), -50)
	}
	r.wait("the sightings", func() bool { return len(ids(b.log(broker.Sightings))) == 3 })
	want := 0
	step := func(what string, forgets int, change func()) {
		t.Helper()
		change()
		want += forgets
		r.wait(what, func() bool { return len(b.forgets()) >= want })
	}
	step("a device that was here", 1, func() { b.registers(1, own(1)) })
	step("a stranger", 1, func() { b.registers(2, own(99)) })
	step("a known tag", 1, func() { b.registers(3, own(1)) })
	step("an undo, then a stranger", 1, func() { b.undoes(3); b.registers(4, own(98)) })
	b.sends(own(1), -50)
	r.until("footfall_sensor_dropped_frames_total", 1, `"opted_out"`)
	r.end()

	// The first list of the next start brings a Forget for what is new against the list on disk, and for nothing else.
	b.registers(5, own(97))
	again := b.start()
	step("what joined while it was off", 1, func() {})
	again.end()
	if got := b.forgets(); len(got) != want {
		t.Fatalf("got %d Forgets, want %d", len(got), want)
	}
	gone, sizes := 0, map[int]bool{}
	for _, e := range b.log(broker.Sightings) {
		f := e.GetForget()
		if f == nil {
			continue
		}
		if f.Id == b.hasher.ID(own(1)) {
			gone++
		}
		if f.Id == b.hasher.ID(own(0)) || f.Id == b.hasher.ID(own(2)) {
			t.Error("got an id forgotten that nobody asked to")
		}
		e.Header.Sequence, e.Header.Boot = 1, 1
		raw, err := wire.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		sizes[len(raw)] = true
	}
	if gone != 1 || len(sizes) != 1 {
		t.Errorf("got the device forgotten %d times, in Forgets of %d sizes, want once and one size", gone, len(sizes))
	}
}

// TestAfterAnOutageForgetsComeFirst registers devices while the sensor cannot hear of it.
func TestAfterAnOutageForgetsComeFirst(t *testing.T) {
	b := newBox(t, nil)
	b.savesList(0)
	b.registers(1, own(1))
	b.registers(2, own(99))
	b.broker.Close()
	r := b.start()
	b.sends(own(1), -50) // not listed, as far as the sensor knows
	b.sends(own(2), -50)
	r.until("footfall_sensor_bursts_total", 2, `"sighting"`)
	b.startBroker()
	r.wait("the sighting that may leave", func() bool { return len(ids(b.log(broker.Sightings))) > 0 })
	r.end()
	before := 0
	for _, e := range b.log(broker.Sightings) {
		if e.GetSightings() != nil {
			break
		}
		if e.GetForget() != nil {
			before++
		}
	}
	forgets, sent := b.forgets(), ids(b.log(broker.Sightings))
	if before != 2 || len(forgets) != 2 || !slices.Contains(forgets, b.hasher.ID(own(1))) {
		t.Errorf("got %d Forgets before ids and %d in all, want two, with the device that was heard", before, len(forgets))
	}
	if len(sent) != 1 || sent[b.hasher.ID(own(2))] != 1 {
		t.Errorf("got %d ids, want only that of the phone that is not listed", len(sent))
	}
}
