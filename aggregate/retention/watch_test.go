package retention

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/broker"
)

func TestSpools(t *testing.T) {
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	minute := ago(time.Minute)
	tests := []struct {
		name   string
		said   SensorSpool
		want   Verdict
		reason Reason
	}{
		{"empty", SensorSpool{Known: true, Made: minute}, OK, ""},
		{"an hour", SensorSpool{Known: true, Made: minute, Oldest: ago(time.Hour)}, OK, ""},
		{"longer than ids wait by default", SensorSpool{Known: true, Made: minute, Oldest: ago(7 * time.Hour)}, Unknown, PastIDAge},
		{"longer, as it may", SensorSpool{Known: true, Made: minute, Oldest: ago(7 * time.Hour), IDAge: 12 * time.Hour}, OK, ""},
		{"longer than it may", SensorSpool{Known: true, Made: minute, Oldest: ago(3 * time.Hour), IDAge: 2 * time.Hour}, Unknown, PastIDAge},
		{"silent for a day", SensorSpool{Known: true, Made: ago(24 * time.Hour)}, Unknown, Silent},
		{"never heard of", SensorSpool{}, Unknown, NotReported},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.said.Store, test.said.Sensor = "mall", "door"
			places := prove(t, Input{Stores: chain(t), Sensors: []SensorSpool{test.said}, Now: noon})
			got := find(t, places, Spool, "mall", "door")
			if got.Verdict != test.want || got.Reason != test.reason || !got.OK() && got.Advice() == "" {
				t.Errorf("got %+v, want %s %q", got, test.want, test.reason)
			}
			if len(places) != 3 || places[0].Store != "kiosk" || places[2].Name != "till" || places[2].Reason != NotReported {
				t.Errorf("got %+v, want a place for each sensor of stores.yaml", places)
			}
		})
	}
}

// TestASensorThatNeverReportsMayReadCaptures: it never will, so the advice says where its spool is looked at.
func TestASensorThatNeverReportsMayReadCaptures(t *testing.T) {
	places := prove(t, Input{Stores: chain(t), Now: noon})
	if p := find(t, places, Spool, "mall", "door"); p.Reason != NotReported || !strings.Contains(p.Advice(), "one that reads captures never reports") {
		t.Errorf("got %+v: %s", p, p.Advice())
	}
	silent := find(t, prove(t, Input{Stores: chain(t), Now: noon, Sensors: []SensorSpool{
		{Store: "mall", Sensor: "door", Known: true, Made: noon.Add(-24 * time.Hour)},
	}}), Spool, "mall", "door")
	if strings.Contains(silent.Advice(), "captures") {
		t.Errorf("of a sensor that did report: got %s", silent.Advice())
	}
}

// rig is a Watch with a database, a Kafka, an audit log and a clock.
type rig struct {
	t     *testing.T
	db    *store.DB
	kafka broker.Config
	reg   *prometheus.Registry
	log   *audit.Log
	path  string
	said  bytes.Buffer
	now   time.Time
	watch *Watch
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, db: storetest.Open(t), kafka: topicsOf(t), reg: prometheus.NewRegistry(), path: filepath.Join(t.TempDir(), "audit.log"), now: noon}
	clock := func() time.Time { return r.now }
	var err error
	if r.log, err = audit.Open(r.path, "aggregate", clock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.log.Close() })
	sensors := func() []SensorSpool {
		var all []SensorSpool
		for _, s := range chain(t) {
			for _, sensor := range s.Sensors {
				all = append(all, SensorSpool{Store: s.ID, Sensor: sensor.ID, Known: true, Made: r.now, Oldest: r.now.Add(-time.Minute)})
			}
		}
		return all
	}
	r.watch, err = New(Config{
		DB: r.db, Kafka: r.kafka, Stores: chain(t), Sensors: sensors, Log: r.log, Now: clock, Registerer: r.reg, Logger: slog.New(slog.NewTextHandler(&r.said, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) once() []Place {
	r.t.Helper()
	places, err := r.watch.Once(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return places
}

// row is what pub_retention says of a place today.
func (r *rig) row(kind Kind, id, name string) store.PubRetentionRow {
	r.t.Helper()
	rows, err := store.Select[store.PubRetentionRow](r.t.Context(), r.db,
		"SELECT * FROM pub_retention FINAL WHERE kind = ? AND store = ? AND name = ? AND day = toDate(?)", string(kind), id, name, r.now.Format(time.DateOnly))
	if err != nil || len(rows) != 1 {
		r.t.Fatalf("%s %s: got %+v, %v, want one row", kind, name, rows, err)
	}
	return rows[0]
}

func (r *rig) metric(name, place string) float64 {
	r.t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (place == "" || m.GetLabel()[0].GetValue() == place) {
				return m.GetGauge().GetValue()
			}
		}
	}
	r.t.Fatalf("there is no metric %s of %q", name, place)
	return 0
}

func TestAPlantedRowIsABreachUntilItsDayIsOver(t *testing.T) {
	r := newRig(t)
	insert(t, r.db, store.TableDeviceDays, device("mall", 25))
	for _, p := range r.once() {
		if !p.OK() {
			t.Errorf("got %+v, want everything in order", p)
		}
	}
	fine := r.row(Table, "", store.TableDeviceDays)
	if fine.State != "ok" || fine.Reason != "" || *fine.AgeS != 9*3600 || *fine.LimitS != 27*3600+360 || !fine.Oldest.Equal(noon.Add(-9*time.Hour)) {
		t.Errorf("got %+v, want today's row in order", fine)
	}
	if row := r.row(Spool, "mall", "till"); row.State != "ok" || *row.AgeS != 60 {
		t.Errorf("got %+v, want a sensor's spool", row)
	}
	if row := r.row(Table, "", store.TableCells); row.LimitS == nil || *row.LimitS != 49*3600+360 || row.Oldest != nil {
		t.Errorf("got %+v, want the limit also where there is nothing", row)
	}
	if row := r.row(Table, "", store.TablePubStoreDay); row.LimitS != nil || row.Oldest != nil {
		t.Errorf("got %+v, want no limit, and no age of an empty table", row)
	}
	if got := r.metric("footfall_retention_breaches", ""); got != 0 {
		t.Errorf("got %v breaches, want none", got)
	}
	if got := r.metric("footfall_retention_oldest_seconds", "table/device_days"); got != 9*3600 {
		t.Errorf("got an age of %v s, want 9 h", got)
	}

	r.now = noon.Add(time.Hour)
	insert(t, r.db, store.TableDeviceDays, device("mall", 21))
	r.once()
	if row := r.row(Table, "mall", store.TableDeviceDays); row.State != "breach" || row.Reason != "too_old" {
		t.Errorf("got %+v, want the store's row to be a breach", row)
	}
	if got := r.metric("footfall_retention_breaches", ""); got != 2 {
		t.Errorf("got %v breaches, want the table and the store", got)
	}
	if !strings.Contains(r.said.String(), "retention breach") {
		t.Errorf("got the log %q, want the breach in it", r.said.String())
	}

	r.now = noon.Add(2 * time.Hour)
	exec(t, r.db, "TRUNCATE TABLE device_days")
	r.once()
	if row := r.row(Table, "", store.TableDeviceDays); row.State != "breach" || !row.CheckedAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("got %+v, want the day's breach to stand", row)
	}
	if got := r.metric("footfall_retention_breaches", ""); got != 0 {
		t.Errorf("got %v breaches, want none any more", got)
	}
	r.now = noon.AddDate(0, 0, 1)
	r.once()
	if row := r.row(Table, "", store.TableDeviceDays); row.State != "ok" {
		t.Errorf("got %+v, want the next day in order", row)
	}
}

func TestAProofIsLoggedOnceADayAndWhenAVerdictChanges(t *testing.T) {
	r := newRig(t)
	entries := func() (wholes int, breaches []string) {
		text, err := os.ReadFile(r.path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = audit.Read(bytes.NewReader(text), func(e audit.Entry) error {
			if _, ok := e.Facts["places"]; ok {
				wholes++
			}
			if e.Facts["verdict"] == "breach" {
				breaches = append(breaches, fmt.Sprint(e.Facts["where"], " ", e.Facts["place"], " ", e.Facts["store"], " ", e.Facts["reason"]))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return wholes, breaches
	}
	steps := []struct {
		name     string
		at       time.Duration
		do       func()
		wholes   int
		breaches string
	}{
		{"the first", 0, func() {}, 1, "[]"},
		{"an hour later", time.Hour, func() {}, 1, "[]"},
		{"an old id in the topic", 2 * time.Hour, func() {
			say(t, r.kafka, broker.Sightings, "mall", noon, sighting(t, "mall", noon.AddDate(0, 0, -3)))
		}, 2, "[topic footfall.sightings.v1 <nil> too_old]"},
		{"it stays", 3 * time.Hour, func() {}, 2, "[topic footfall.sightings.v1 <nil> too_old]"},
		{"and a table of somebody's", 4 * time.Hour, func() {
			exec(t, r.db, "CREATE TABLE `02:00:5e:10:00:01` (id UInt64) ENGINE = MergeTree ORDER BY id")
		}, 3, "[topic footfall.sightings.v1 <nil> too_old topic footfall.sightings.v1 <nil> too_old table <nil> <nil> undeclared]"},
		{"the next day", 24 * time.Hour, func() { exec(t, r.db, "DROP TABLE `02:00:5e:10:00:01` SYNC") }, 4, ""},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			r.now = noon.Add(step.at)
			step.do()
			r.once()
			wholes, breaches := entries()
			if wholes != step.wholes || step.breaches != "" && fmt.Sprint(breaches) != step.breaches {
				t.Errorf("got %d proofs, %v, want %d, %s", wholes, breaches, step.wholes, step.breaches)
			}
		})
	}
}

// TestEveryReasonCanBeLogged: the audit log has closed lists of its own.
func TestEveryReasonCanBeLogged(t *testing.T) {
	log, err := audit.Open(filepath.Join(t.TempDir(), "audit.log"), "aggregate", func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, reason := range Reasons() {
		for _, kind := range []Kind{Topic, Table, Parts, Spool} {
			for _, verdict := range []Verdict{OK, Breach, Unknown} {
				p := Place{Kind: kind, Name: "door", Store: "mall", Reason: reason, Verdict: verdict, Oldest: noon, Age: 1 << 62, Limit: time.Hour}
				if err := Record(log, []Place{p}); err != nil {
					t.Errorf("%s %s %s: %v", kind, reason, verdict, err)
				}
				if reason != Absent && p.Advice() == "" {
					t.Errorf("%s: there is no advice", reason)
				}
			}
		}
	}
	if err := Record(nil, []Place{{Kind: Topic}}); err != nil {
		t.Errorf("no log: %v", err)
	}
}

// TestAWatchGoesOnAfterAProofThatFailed, and ends with its context.
func TestAWatchGoesOnAfterAProofThatFailed(t *testing.T) {
	r := newRig(t)
	if _, err := New(Config{}); err == nil {
		t.Error("nothing to watch: got a Watch, want an error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.watch.Once(ctx); err == nil {
		t.Error("no time: got a proof, want an error")
	}
	if got := testutil.ToFloat64(r.watch.metrics.errors); got != 1 {
		t.Errorf("got %v errors counted, want 1", got)
	}
	if err := r.watch.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	proven := make(chan struct{}, 10)
	r.watch.cfg.Every = time.Millisecond
	sensors := r.watch.cfg.Sensors
	r.watch.cfg.Sensors = func() []SensorSpool { proven <- struct{}{}; return sensors() }
	ctx, cancel = context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.watch.Run(ctx) }()
	for range 2 {
		<-proven
	}
	cancel()
	for {
		select {
		case <-proven:
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want the context's error", err)
			}
			return
		}
	}
}

func TestWithoutSensorsNothingIsSaidOfSpools(t *testing.T) {
	r := newRig(t)
	r.watch.cfg.Sensors = nil
	for _, p := range r.once() {
		if p.Kind == Spool {
			t.Errorf("got %+v, want no place of a spool", p)
		}
	}
}
