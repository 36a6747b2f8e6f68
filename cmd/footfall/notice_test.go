package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/optout/notice"
)

const noticeStores = `stores:
  - {id: demo, name: Demo Street, time_zone: Europe/Berlin, zones: [{id: shop, sensors: [{id: door}, {id: till}]}]}
  - {id: other, time_zone: UTC, zones: [{id: shop, sensors: [{id: door}]}]}
`

const noticeOrg = "controller: Example Retail\ncontact: privacy@example.org\nurl: https://optout.example.org/\n"

// noticeRig is a broker on which sensors of the demo store have reported, and the files of footfall notice.
type noticeRig struct {
	t   *testing.T
	dir string
	cfg broker.Config
	pub *broker.Publisher
}

func newNoticeRig(t *testing.T) *noticeRig {
	t.Helper()
	r := &noticeRig{t: t, dir: t.TempDir(), cfg: broker.Config{Brokers: kafkatest.Start(t), ClientID: "test"}}
	if err := broker.EnsureTopics(t.Context(), r.cfg, broker.Settings{Partitions: 1, Replication: 1, Embedded: !kafkatest.Apache()}); err != nil {
		t.Fatal(err)
	}
	pub, err := broker.NewPublisher(r.cfg, broker.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.pub = pub
	t.Cleanup(func() { _ = pub.Close() })
	for name, text := range map[string]string{"stores.yaml": noticeStores, "optout.yaml": noticeOrg} {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *noticeRig) reports(sensor string, change func(*wire.Header, *wire.Heartbeat)) {
	r.t.Helper()
	now := time.Now()
	e := &wire.Envelope{
		Header: &wire.Header{Store: "demo", Sensor: sensor, Zone: "shop", Boot: 1, BaseMs: now.UnixMilli(), Policy: wire.Policy_POLICY_STANDARD},
	}
	beat := &wire.Heartbeat{MadeMs: now.UnixMilli(), Settings: &wire.Settings{
		SpoolIdAgeS: 6 * 3600, OptoutMaxAgeS: 48 * 3600, SealAfterS: 4 * 3600, InsideDbm: -70, FloorDbm: -90, Hours: "always open", TimeZone: "Europe/Berlin", ReturnEpsilon: 2,
	}}
	change(e.Header, beat)
	e.Body = &wire.Envelope_Heartbeat{Heartbeat: beat}
	raw, err := wire.Encode(e)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.pub.Publish(r.t.Context(), broker.Sensors, []byte("demo/"+sensor), [][]byte{raw}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *noticeRig) registers(tag uint32) {
	r.t.Helper()
	key, value, err := registry.Record{Key: bytes.Repeat([]byte{byte(tag)}, 32), Tag: tag, Day: 2000}.Encode()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.pub.Publish(r.t.Context(), broker.OptOuts, key, [][]byte{value}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *noticeRig) run(args ...string) string {
	r.t.Helper()
	var out, errs bytes.Buffer
	args = append([]string{"notice", "--stores", filepath.Join(r.dir, "stores.yaml"), "--config", filepath.Join(r.dir, "optout.yaml"), "--wait", "1m"}, args...)
	if code := execute(r.t.Context(), args, &out, &errs); code != 0 {
		r.t.Fatalf("exit status %d: %s", code, errs.String())
	}
	return out.String()
}

func TestFootfallNoticeSaysWhatTheSensorsReport(t *testing.T) {
	r := newNoticeRig(t)
	r.reports("door", func(_ *wire.Header, b *wire.Heartbeat) { b.FailClosed = []string{"opt_out_list_stale"} })
	r.reports("till", func(_ *wire.Header, b *wire.Heartbeat) { b.Settings.SpoolIdAgeS = 11 * 3600 })
	r.registers(7)
	brokers := strings.Join(r.cfg.Brokers, ",")
	text := strings.Join(strings.Fields(r.run("--store", "demo", "--kafka", brokers)), " ")
	for _, want := range []string{
		"The store is open and its sensors are listening.", "Sensors in contact: 2 of 2.", "41 hours and 6 minutes", "holds codes for at most 11 hours",
		"may send only counts right now: 1. The reason: the list of opt-outs", "about one address in 260,000,000 is left out",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing about %q in\n%s", want, text)
		}
	}
	text = strings.Join(strings.Fields(r.run("--store", "other", "--kafka", brokers)), " ")
	if !strings.Contains(text, "we hear from none of its sensors") || !strings.Contains(text, "Sensors in contact: 0 of 1.") {
		t.Errorf("a store that nobody reported of: got\n%s", text)
	}

	// The brokers of the service's configuration are asked where none are named.
	config := noticeOrg + "listen: 127.0.0.1:8080\nkafka:\n  brokers: [\"" + r.cfg.Brokers[0] + "\"]\n"
	if err := os.WriteFile(filepath.Join(r.dir, "optout.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var f notice.Facts
	if err := json.Unmarshal([]byte(r.run("--store", "demo", "--json")), &f); err != nil {
		t.Fatal(err)
	}
	if !f.Now.Asked || f.Now.Online != 2 || f.Now.CountOnly != 1 || time.Duration(f.Rules.SpoolIDAge) != 11*time.Hour {
		t.Errorf("got %+v", f)
	}
}

func TestFootfallNoticePrintsItsVersions(t *testing.T) {
	dir := t.TempDir()
	history, err := notice.NewHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	facts := notice.Facts{Store: "demo", Rules: notice.Rules{Policy: notice.Standard, SetPolicy: notice.Standard, URL: "https://a.example.org"}}
	for i := range 3 {
		if i == 2 {
			facts.Rules.URL = "https://b.example.org"
		}
		if _, _, _, err := history.Note(facts, now.AddDate(0, 0, i)); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.OpenFile(filepath.Join(dir, "demo.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("{\"version\":3"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string]string{
		"en": "\nversion 2, since 2026-11-25\n  Where to opt out: https://a.example.org -> https://b.example.org\n\nversion 1, since 2026-11-23\n\nlines that are no version, cut off or changed: 1\n",
		"de": "\nversion 2, since 2026-11-25\n  Wo man Adressen ausschließen lässt: https://a.example.org -> https://b.example.org\n\nversion 1, since 2026-11-23\n\nlines that are no version, cut off or changed: 1\n",
	} {
		var out bytes.Buffer
		o := noticeOptions{history: dir, lang: lang}
		past, err := o.past("demo")
		if err != nil {
			t.Fatal(err)
		}
		if err := o.printHistory(past, &out); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != want {
			t.Errorf("%s: got %q, want %q", lang, got, want)
		}
	}
}
