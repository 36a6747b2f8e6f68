package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/wire"
)

// held is an installation's bench with something in its topics and tables, for footfall audit and footfall incident.
type held struct {
	*bench
	now time.Time
	day calendar.Day // of today, at the bench's store
}

func newHeld(t *testing.T) *held {
	t.Helper()
	b := newBench(t)
	now := time.Now().UTC()
	h := &held{bench: b, now: now, day: b.store.Calendar.DayOf(now)}
	h.tables(func(db *store.DB) error { return db.Migrate(t.Context()) })
	return h
}

// tables opens the bench's ClickHouse for a moment: one process has it at a time.
func (h *held) tables(do func(*store.DB) error) {
	h.t.Helper()
	db, err := store.Open(h.t.Context(), "embedded:"+h.path("clickhouse"), store.Options{})
	if err == nil {
		err = errors.Join(do(db), db.Close())
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// plant puts a device's row of a store-day into ClickHouse.
func (h *held) plant(day calendar.Day, id uint64) {
	h.t.Helper()
	h.tables(func(db *store.DB) error {
		row := store.DeviceDayRow{Store: h.store.ID, StoreDay: day.Date(), ID: id, SealHour: day.Date(), Visits: []store.DeviceVisit{}, Version: 1}
		return store.Insert(h.t.Context(), db, store.TableDeviceDays, []store.DeviceDayRow{row})
	})
}

// say writes a message to a topic as of a time.
func (h *held) say(topic, key string, at time.Time, value []byte) {
	h.t.Helper()
	p, err := broker.NewPublisher(broker.Config{Brokers: h.brokers, ClientID: "test"}, broker.ProducerOptions{Now: func() time.Time { return at }})
	if err != nil {
		h.t.Fatal(err)
	}
	defer p.Close()
	if err := p.Publish(h.t.Context(), topic, []byte(key), [][]byte{value}); err != nil {
		h.t.Fatal(err)
	}
}

// envelope is a message of the store's door.
func (h *held) envelope(at time.Time, set func(*wire.Envelope)) []byte {
	h.t.Helper()
	e := &wire.Envelope{Header: &wire.Header{
		Store: h.store.ID, Sensor: h.store.Sensors[0].ID, Boot: 1, StoreDay: int32(h.store.Calendar.DayOf(at)), BaseMs: at.UnixMilli(),
		Policy: wire.Policy_POLICY_STANDARD, OptoutVersion: 3,
	}}
	set(e)
	raw, err := wire.Encode(e)
	if err != nil {
		h.t.Fatal(err)
	}
	return raw
}

func (h *held) sighting(at time.Time) []byte {
	return h.envelope(at, func(e *wire.Envelope) {
		e.Body = &wire.Envelope_Sightings{Sightings: &wire.Sightings{Ids: []uint64{0x1122334455667788}, Counts: []uint32{1}, OffsetsMs: []uint32{0}, Bands: []byte{wire.MinBand}}}
	})
}

// state is what the store's door says of itself.
func (h *held) state(spoolOldest time.Time) []byte {
	return h.envelope(h.now, func(e *wire.Envelope) {
		e.Body = &wire.Envelope_Heartbeat{Heartbeat: &wire.Heartbeat{
			CaptureMs: h.now.UnixMilli(), MadeMs: h.now.UnixMilli(), Software: "0.5.0", SpoolBytes: 4096, SpoolOldestMs: spoolOldest.UnixMilli(),
			Trouble: []string{"kafka"}, Settings: &wire.Settings{
				SpoolIdAgeS: 6 * 3600, OptoutMaxAgeS: 48 * 3600, SealAfterS: 4 * 3600, InsideDbm: -70, FloorDbm: -90, TimeZone: h.store.Zone,
				ReturnEpsilon: 2, KeysDay: int32(h.day),
			},
		}}
	})
}

// run runs footfall in this process.
func (h *held) run(want int, args ...string) (out, errs string) {
	h.t.Helper()
	var o, e bytes.Buffer
	if code := execute(h.t.Context(), args, &o, &e); code != want {
		h.t.Fatalf("footfall %s: got exit status %d, want %d\n%s%s", strings.Join(args, " "), code, want, o.String(), e.String())
	}
	return o.String(), e.String()
}

func (h *held) args(command ...string) []string {
	return append(command, "--stores", h.path("stores.yaml"), "--kafka", strings.Join(h.brokers, ","), "--clickhouse", "embedded:"+h.path("clickhouse"))
}

// line finds the line of a table that begins so.
func (h *held) line(text, begin string) string {
	h.t.Helper()
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), begin) {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	h.t.Fatalf("got no line %q in\n%s", begin, text)
	return ""
}

func TestAuditProvesTheRetentionByQuery(t *testing.T) {
	h := newHeld(t)
	h.plant(h.day, 1)
	h.say(broker.Sightings, h.store.ID, h.now, h.sighting(h.now))
	h.say(broker.Sensors, h.store.ID+"/"+h.store.Sensors[0].ID, h.now, h.state(h.now.Add(-time.Hour)))
	log := h.path("audit.jsonl")
	out, _ := h.run(0, h.args("audit", "--log", log)...)
	for _, place := range []string{"topic footfall.sightings.v1", "topic footfall.optouts.v1", "table device_days", "table cells", "parts device_days"} {
		if line := h.line(out, place); !strings.HasSuffix(line, " ok") {
			t.Errorf("got %q, want it in order", line)
		}
	}
	if line := h.line(out, "spool door"); !strings.Contains(line, "demo") || !strings.HasSuffix(line, "6 h 00 min ok") {
		t.Errorf("got %q, want the spool in order", line)
	}
	if !strings.Contains(out, "breaches: 0\n") {
		t.Errorf("got %s, want no breach", out)
	}

	h.plant(h.day-4, 2)
	h.say(broker.Sightings, h.store.ID, h.now, h.sighting(h.now.AddDate(0, 0, -4)))
	h.tables(func(db *store.DB) error {
		return db.Exec(t.Context(), "CREATE TABLE copied (id UInt64) ENGINE = MergeTree ORDER BY id")
	})
	out, errs := h.run(1, h.args("audit", "--log", log)...)
	for place, reason := range map[string]string{"topic footfall.sightings.v1": "too_old", "table device_days": "too_old", "table copied": "undeclared"} {
		if line := h.line(out, place); !strings.HasSuffix(line, " breach: "+reason) {
			t.Errorf("got %q, want a breach: %s", line, reason)
		}
	}
	if !strings.Contains(errs, "footfall audit: 4 places hold what they should not: do what is said above") ||
		!strings.Contains(out, "breach: table copied: drop the table, or keep it in another database\n") {
		t.Errorf("got %s%s, want what to do", out, errs)
	}
	shown, _ := h.run(0, "audit", "show", log)
	if n := strings.Count(shown, "  breaches 4  "); n != 1 || !strings.Contains(shown, "  breaches 0  ") || strings.Contains(shown, "copied") {
		t.Errorf("got %s, want both proofs, and no name that anybody could choose", shown)
	}
	if verified, _ := h.run(0, "audit", "verify", log); !strings.Contains(verified, "entries: ") {
		t.Errorf("got %s", verified)
	}
	if out, _ := h.run(1, append(h.args("audit"), "--clickhouse", "")...); strings.Contains(out, "\ntable ") {
		t.Errorf("got %s, want no tables", out)
	}
}

func TestAnIncidentSnapshotListsWhatIsHeldAndNothingElse(t *testing.T) {
	h := newHeld(t)
	for id := range uint64(12) {
		h.plant(h.day, 0x99aa_bbcc_ddee_0000+id)
	}
	h.say(broker.Sightings, h.store.ID, h.now, h.sighting(h.now.Add(-2*time.Hour)))
	h.say(broker.Sensors, h.store.ID+"/"+h.store.Sensors[0].ID, h.now, h.state(h.now.Add(-time.Hour)))
	today := h.now.Truncate(24 * time.Hour)
	for i, tag := range []uint32{0xabcdef1, 0xabcdef1, 0x1234567} {
		key, value, err := registry.Record{Key: bytes.Repeat([]byte{byte(i + 1)}, 32), Tag: tag, Day: int32(h.day)}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		h.say(broker.OptOuts, string(key), today, value)
	}
	file := h.path("snapshot.json")
	out, _ := h.run(0, h.args("incident", "snapshot", "--out", file)...)
	for begin, want := range map[string]string{
		"demo " + h.day.String():       " 12 device_days",
		"opt-outs:":                    "records 3, tags 2, in quarantine 0",
		"demo sensor door":             "day " + h.day.String(),
		"demo standard":                "30 h 06 min from a sensor that was online",
		"table device_days":            " ok",
		"topic footfall.sightings.v1 ": " - 1 ",
	} {
		text := strings.Join(strings.Fields(h.lineWith(out, begin)), " ")
		if !strings.Contains(text, want) {
			t.Errorf("got %q, want %q in it", text, want)
		}
	}
	if !strings.Contains(out, "trouble: kafka") {
		t.Errorf("got %s, want what the sensor said", out)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s snapshot
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Devices) != 1 || s.Devices[0].Devices != 12 || s.OptOuts == nil || s.OptOuts.Tags != 2 || len(s.NotAsked) != 0 || len(s.Sensors) != 1 || s.Keys[0].Week == "" {
		t.Errorf("got %+v, want what is held", s)
	}
	for _, secret := range []string{"99aabbccddee", fmt.Sprint(uint64(0x99aa_bbcc_ddee_0000)), "1122334455667788", fmt.Sprint(0x1122334455667788), "abcdef1", fmt.Sprint(0xabcdef1), "0101010101"} {
		if strings.Contains(out, secret) || bytes.Contains(raw, []byte(secret)) {
			t.Errorf("the snapshot has %s, which names a device", secret)
		}
	}
	if out, errs := h.run(1, append(h.args("incident", "snapshot"), "--kafka", "127.0.0.1:1", "--keyring", h.path("nowhere.age"))...); !strings.Contains(out, "sensors: ") ||
		!strings.Contains(out, "keyring: there is no keyring") || !strings.Contains(out, "table device_days") || !strings.Contains(errs, "not complete") {
		t.Errorf("got %s%s, want the tables, and what could not be asked", out, errs)
	}
}

// lineWith finds the line that has the words in it, whatever the space between them.
func (h *held) lineWith(text, words string) string {
	h.t.Helper()
	for line := range strings.Lines(text) {
		if strings.Contains(strings.Join(strings.Fields(line), " ")+" ", strings.TrimSuffix(words, " ")) {
			return line
		}
	}
	h.t.Fatalf("got no line with %q in\n%s", words, text)
	return ""
}
