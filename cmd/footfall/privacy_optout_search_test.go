//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/segmentio/kafka-go"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/embedded"
)

// topics are all of them.
func topics() []string {
	return []string{broker.Sightings, broker.Counters, broker.OptOuts, broker.Quarantine, broker.Sensors, broker.DeadLetters, broker.Clock}
}

// searchTopics looks through every message that a consumer can read.
func (b *box24) searchTopics(look *scanner) {
	b.t.Helper()
	look.forget()
	count := map[string]int{}
	for _, topic := range topics() {
		if _, err := broker.ReadPartition(b.t.Context(), broker.Config{Brokers: b.brokers}, topic, 0, broker.Earliest, func(m broker.Message) error {
			count[topic]++
			look.scan(topic, m.Key)
			look.scan(topic, m.Value)
			return nil
		}); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, m := range b.everythingSent() {
		look.scan(m.message.Topic+", in text", envelopeJSON(m.envelope))
	}
	look.nothing(b.t, "in messages")
	if count[broker.Sightings] == 0 || count[broker.OptOuts] < 320 || count[broker.Quarantine] < 4 || b.radio != nil && count[broker.Sensors] == 0 {
		b.t.Errorf("got %v messages: there is too little to search", count)
	}
}

// noCrashLeaks looks at what the dying processes printed: that they did, that it holds no value of anything, and that no core lies
// where they ran.
func (b *box24) noCrashLeaks(crashes int) {
	b.t.Helper()
	said := b.said.text()
	for _, want := range []string{"SIGQUIT: quit\n", "SIGABRT: abort\n", "SIGSEGV: segmentation violation\n"} {
		if !strings.Contains(said, want) {
			b.t.Errorf("%q is missing in what was printed", want)
		}
	}
	if strings.Count(said, "goroutine ") < 20*crashes || strings.Contains(said, "0x") {
		b.t.Errorf("the crashes printed too little, or a value:\n%.20000s", said)
	}
	if left, err := os.ReadDir(b.path("work")); err != nil || len(left) > 0 {
		b.t.Errorf("got %v (%v) where it ran, want no core", left, err)
	}
}

// search looks through everything that is left, once footfall serve has ended.
func (b *box24) search(look *scanner) {
	b.t.Helper()
	look.forget()
	look.folder(b.t, b.dir) // topics, tables, keys, notices, audit logs, the sensors' disks, configurations
	for name, text := range b.texts {
		look.scan(name, text)
	}
	look.scan("what footfall serve said", []byte(b.said.text()))
	look.scan("the answers' headers, and the pages of refusals", b.echo.Bytes())
	look.scan("the sensor's log", b.door.logs.Bytes())
	look.scan("the sensor's metrics", b.door.metrics.Bytes())
	look.scan("the live sensor's log", []byte(b.shelfLog.text()))
	for _, format := range []string{"JSONEachRow", "TSV"} {
		look.scan("tables as "+format, b.everyRow(format))
	}
	look.nothing(b.t, "in all that is left")
	if b.echo.Len() < 100_000 || len(b.said.text()) < 10_000 || b.door.logs.Len() == 0 {
		b.t.Errorf("got %d bytes of refusals and %d of logs: there is too little to search", b.echo.Len(), len(b.said.text()))
	}
}

func (b *box24) everyRow(format string) []byte {
	b.t.Helper()
	cmd := b.program("dump-all", b.path("data/clickhouse"), format)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		b.t.Fatalf("dump: %v\n%s", err, errs.String())
	}
	return out
}

// onlyWhereIDsBelong looks for the ids of the day, which the spare keys make, in everything but the topic and the table that are
// for them, and in these as a control.
func (b *box24) onlyWhereIDsBelong(list []canary) {
	b.t.Helper()
	look := newScanner()
	for i, id := range idsOf(b.spare, inside(list)) {
		look.id(b.t, i, id)
	}
	err := filepath.WalkDir(b.path("data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.Contains(path, broker.Sightings) || strings.HasPrefix(path, b.path("data/clickhouse")) {
			return err
		}
		raw, err := os.ReadFile(path)
		look.scan(path, raw)
		look.scan(path+" (unpacked)", unpacked(raw))
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	for name, text := range b.texts {
		look.scan(name, text)
	}
	look.scan("what footfall serve said", []byte(b.said.text()))
	var own []byte
	for table := range bytes.SplitSeq(b.everyRow("JSONEachRow"), []byte("\n<")) {
		name, _, _ := bytes.Cut(table, []byte(">"))
		if bytes.HasSuffix(name, []byte("."+store.TableDeviceDays)) {
			own = table
			continue
		}
		look.scan("table "+string(name), table)
	}
	look.nothing(b.t, "ids where none belongs")
	look.forget()
	look.folder(b.t, b.path("data/kafka"))
	inTopic := len(look.owners["id, little-endian"])
	look.forget()
	look.scan("device_days", own)
	if inTable := len(look.owners["id, decimal"]); inTopic < 100 || inTable < 40 { // the live sensor had some forgotten
		b.t.Errorf("got %d ids in the topic's files and %d in device_days, want many of %d: the search proves nothing", inTopic, inTable, len(inside(list)))
	}
}

// controls plants one of each where a careless program would leave it, and finds it there.
func (b *box24) controls(look *scanner, list []canary, people []*shopper, receipts map[*shopper]string) {
	b.t.Helper()
	leak := fmt.Appendf(nil, "registered %s from %s as %s", join(list[3].addr[:], ":"), people[3].from, receipts[people[3]])
	want := []string{"address, hex with separator :", "receipt, text", "source, text"}
	finds := func(where string, search func()) {
		b.t.Helper()
		look.forget()
		search()
		for _, form := range want {
			if len(look.owners[form]) == 0 {
				b.t.Errorf("%s: a planted %q was not found", where, form)
			}
		}
		if got := len(look.owners); got > len(want)+2 { // parts of what was planted have forms of their own
			b.t.Errorf("%s: got %d forms, want those that were planted", where, got)
		}
	}
	finds("what a crash printed", func() {
		look.scan("crash", slices.Concat([]byte(b.said.text()), []byte("\nmain.f("), leak))
	})
	k, err := embedded.Start(embedded.Options{DataDir: b.path("data/kafka")})
	if err != nil {
		b.t.Fatal(err)
	}
	p, err := broker.NewProducer(broker.Config{Brokers: []string{k.Addr()}}, broker.ProducerOptions{Compression: kafka.Zstd})
	if err == nil {
		err = p.Send(b.t.Context(), broker.Quarantine, []byte("key"), bytes.Repeat(leak, 10))
	}
	if err == nil {
		err = p.Close(b.t.Context())
	}
	if k.Close(); err != nil {
		b.t.Fatal(err)
	}
	finds("a topic's file", func() { look.folder(b.t, b.path("data/kafka")) })
	b.plantRow(leak)
	finds("a table", func() { look.scan("tables", b.everyRow("TSV")) })
}

// plantRow writes a row of a table of its own.
func (b *box24) plantRow(text []byte) {
	b.t.Helper()
	db, err := store.Open(b.t.Context(), "embedded:"+b.path("data/clickhouse"), store.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, s := range []string{"CREATE TABLE leak (text String) ENGINE = MergeTree ORDER BY text", "INSERT INTO leak VALUES ('" + string(text) + "')"} {
		if err := db.Exec(b.t.Context(), s); err != nil {
			b.t.Error(err)
		}
	}
	if err := db.Close(); err != nil {
		b.t.Error(err)
	}
}
