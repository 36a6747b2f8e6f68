package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
)

// TestNoAddressAndNoSSIDLeavesTheSensor sends 1,000 known addresses and SSIDs through the whole pipeline on two store-days and
// looks for them, in every form of privacy_forms_test.go, in every byte that is left behind: Kafka's and ClickHouse's files, the
// sensors' disks, what a consumer and a query can read, logs, metrics, errors and reports; while the days are open, and after
// they were sealed and the topics truncated. TestTheScannerFindsEachFormWhenPlanted shows that it would be found.
func TestNoAddressAndNoSSIDLeavesTheSensor(t *testing.T) {
	list := newCanaries(1000, 1)
	look := newScanner()
	for i, c := range list {
		look.address(t, i, c.addr)
		look.ssid(t, i, c.ssid)
	}
	j := newJourney(t, list)
	counts := j.open()
	if counts.Sightings < 2000 || counts.RandomBursts < 2000 || counts.PassersBy < 100 || counts.Kept == counts.Frames {
		t.Fatalf("got %+v, want visits, random devices, passers-by and drops: the search would prove little", counts)
	}
	j.search(look, "while the days are open")

	j.others()
	j.seal()
	if _, err := j.door.try(filepath.Join(j.captures, "door-"+twoDays[0].String()+".pcap")); err == nil {
		t.Error("a sensor took a capture of a day whose keys are destroyed")
	}
	j.search(look, "after the days were sealed")
	if n := strings.Count(j.tables("engine"), `"t":"sealed_days"`); n != 4 {
		t.Errorf("%d store-days are sealed, want 2 of each store", n)
	}
	if j.aggregator.Len() == 0 {
		t.Error("the aggregators logged nothing, so the search of their logs proves nothing")
	}

	look.forget()
	for name, text := range j.reports() {
		if len(text) < 60 || len(text) < 2000 && (name == "footfall try" || name == "footfall try --json") {
			t.Errorf("%s said %q: there is little to search", name, text)
		}
		look.scan(name, text)
	}
	look.nothing(t, "in reports")
}

// search looks through everything that the pipeline left so far.
func (j *journey) search(look *scanner, when string) {
	j.t.Helper()
	look.forget()
	for _, dir := range j.kafka {
		look.folder(j.t, dir)
	}
	look.folder(j.t, j.dir) // ClickHouse's folder, the sensors', and the stores file
	for _, m := range j.everythingSent() {
		where := fmt.Sprintf("%s, offset %d", m.message.Topic, m.message.Offset)
		look.scan(where, m.message.Key)
		look.scan(where, m.message.Value)
		look.scan(where+", in text", envelopeJSON(m.envelope))
	}
	for _, format := range []string{"JSONEachRow", "RowBinary", "TSV"} {
		look.scan("tables as "+format, j.everyTable(format))
	}
	look.scan("the aggregators' logs", j.aggregator.Bytes())
	look.scan("the aggregator's metrics", j.metrics)
	for _, x := range []*box{j.door, j.shelf, j.gate} {
		look.scan("the log of "+x.sensor, x.logs.Bytes())
		look.scan("the metrics of "+x.sensor, x.metrics.Bytes())
	}
	if !bytes.Contains(j.metrics, []byte("footfall_")) || j.door.logs.Len() == 0 || !bytes.Contains(j.door.metrics.Bytes(), []byte("footfall_")) {
		j.t.Errorf("%s: logs or metrics are empty, so their search proves nothing", when)
	}
	look.nothing(j.t, when)
}

// reports is what people get to see who run the programs by hand on the canaries' captures, mistakes included.
func (j *journey) reports() map[string][]byte {
	j.t.Helper()
	file := filepath.Join(j.captures, "door-"+twoDays[0].String()+".pcap")
	raw, err := os.ReadFile(file)
	if err != nil {
		j.t.Fatal(err)
	}
	input := func(name string, data []byte) string {
		path := filepath.Join(j.captures, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			j.t.Fatal(err)
		}
		return path
	}
	cut := input("cut.pcap", raw[:len(raw)-7])
	var own, wrong strings.Builder
	for _, c := range j.list[:40] {
		fmt.Fprintln(&own, join(c.addr[:], ":"))
	}
	fmt.Fprintf(&wrong, "%s\n%s and %s\n", join(j.list[0].addr[:], "-"), join(j.list[1].addr[:], ":"), j.list[1].ssid)
	list, badList := input("own.txt", []byte(own.String())), input("wrong.txt", []byte(wrong.String()))

	out := map[string][]byte{"footfall-sensor --dry-run": j.dryRun(file), "footfall-sensor --dry-run on half a capture": j.dryRun(cut)}
	for name, args := range map[string][]string{
		"footfall try":                       {"try", "--tz", "Europe/Berlin", file},
		"footfall try --json":                {"try", "--json", file},
		"footfall try --exclude":             {"try", "--exclude", list, file},
		"footfall try with a wrong list":     {"try", "--exclude", badList, file},
		"footfall try on half a capture":     {"try", cut},
		"footfall try on no capture":         {"try", badList},
		"footfall try on a capture's middle": {"try", input("middle.pcap", raw[1000:])},
	} {
		var text bytes.Buffer
		execute(j.t.Context(), args, &text, &text)
		out[name] = text.Bytes()
	}
	return out
}

// dryRun is what footfall-sensor --dry-run prints.
func (j *journey) dryRun(file string) []byte {
	j.t.Helper()
	var text bytes.Buffer
	counts, elapsed, err := agent.DryRun(j.t.Context(), j.door.config([]string{file}), agent.Options{Software: "test"})
	counts.Report(&text, elapsed)
	fmt.Fprintln(&text, err)
	return text.Bytes()
}

// TestTheSearchOfTheWholePipelineWouldFindALeak plants one unkeyed id where a careless sensor would send it, and one SSID where
// a careless aggregator would write it.
func TestTheSearchOfTheWholePipelineWouldFindALeak(t *testing.T) {
	b := newBenchOf(t, privacyStores)
	c := newCanaries(1, 5)[0]
	look := newScanner()
	look.address(t, 0, c.addr)
	look.ssid(t, 0, c.ssid)
	b.publish(unkeyedEnvelope(c))
	for _, dir := range b.kafka {
		look.folder(t, dir)
	}
	if len(look.hits) == 0 {
		t.Error("an unkeyed id in Kafka was not found in its files")
	}
	look.forget()
	for _, m := range b.everythingSent() {
		look.scan("message", m.message.Value)
	}
	if !look.owners["address, SHA-256, turned round"][0] {
		t.Errorf("an unkeyed id in Kafka was not found in its message, but %v", look.hits)
	}

	j := &journey{bench: b}
	j.spoil("CREATE TABLE leak (name String) ENGINE = MergeTree ORDER BY name", "INSERT INTO leak VALUES ('"+c.ssid+"')")
	for _, format := range []string{"JSONEachRow", "RowBinary", "TSV"} {
		look.forget()
		look.scan(format, j.everyTable(format))
		if len(look.hits) == 0 {
			t.Errorf("an SSID in a table was not found in it as %s", format)
		}
	}
}

// publish sends an envelope to the topic of ids.
func (b *bench) publish(e *wire.Envelope) {
	b.t.Helper()
	raw, err := wire.Encode(e)
	if err != nil {
		b.t.Fatal(err)
	}
	p, err := broker.NewProducer(broker.Config{Brokers: b.brokers, ClientID: "test"}, broker.ProducerOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := p.Send(b.t.Context(), broker.Sightings, []byte(e.Header.Store), raw); err != nil {
		b.t.Fatal(err)
	}
	if err := p.Close(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// spoil runs statements in the engine's folder.
func (j *journey) spoil(statements ...string) {
	j.t.Helper()
	db, err := store.Open(j.t.Context(), "embedded:"+j.path("engine"), store.Options{})
	if err != nil {
		j.t.Fatal(err)
	}
	for _, s := range statements {
		if err := db.Exec(j.t.Context(), s); err != nil {
			j.t.Error(err)
		}
	}
	if err := db.Close(); err != nil {
		j.t.Error(err)
	}
}
