package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/truncate"
	"github.com/openfootfall/footfall/ingest/wire"
)

// TestAfterSealingNoIDIsInClickHouseAndTheTopicIsTruncated knows every id that the sensors sent, because it read the topic
// before it was truncated. While the days are open it finds them in ClickHouse's files and tables, in Kafka's files and as a
// consumer; after the days were sealed it finds none in ClickHouse, and no consumer can read one.
//
// What stays in Kafka's folder is said too. Truncation hides records at once, but their bytes go with their segment file, and
// the newest one is never freed: until it is rolled, ids of sealed days are in that one file, and in no other. Apache Kafka
// rolls it within an hour, the embedded broker only when it has reached its size. The test has it rolled and truncates once
// more, as the aggregator does when it seals the next day; then no id is in any of Kafka's files.
func TestAfterSealingNoIDIsInClickHouseAndTheTopicIsTruncated(t *testing.T) {
	j := newJourney(t, newCanaries(300, 7))
	j.open()
	look, known := j.idScanner()
	if want := 2 * len(inside(j.list)); known != want {
		t.Fatalf("%d ids were sent, want %d", known, want)
	}
	j.idsAreFound(look, known)

	j.others()
	look, known = j.idScanner()
	if want := 4 * len(inside(j.list)); known != want {
		t.Fatalf("%d ids were sent, want %d", known, want)
	}
	j.seal()
	look.folder(t, j.path("engine"))
	for _, format := range []string{"JSONEachRow", "RowBinary", "TSV"} {
		look.scan(format, j.everyTable(format))
	}
	look.scan("the aggregators' logs", j.aggregator.Bytes())
	look.scan("the aggregator's metrics", j.metrics)
	look.nothing(t, "in ClickHouse after sealing")
	tables := j.tables("engine")
	// return_patterns stays until its week is over: counts of patterns, from which no answer of anybody can be told.
	for _, gone := range []string{"device_days", "people_minutes", "cells"} {
		if strings.Contains(tables, `"t":"`+gone+`"`) {
			t.Errorf("%s still has rows of sealed days", gone)
		}
	}
	j.noIDsToConsume()
	j.noIDsBehindTheNewestSegment(look)
}

// idScanner looks for every id that stands in the topic now.
func (j *journey) idScanner() (look *scanner, known int) {
	j.t.Helper()
	look = newScanner()
	for _, ids := range sentIDs(j.sentFrom(broker.Sightings, broker.Earliest)) {
		for id := range ids {
			look.id(j.t, known, id)
			known++
		}
	}
	return look, known
}

// idsAreFound is the control: while the days are open the same search finds the ids in all the places where they may be.
func (j *journey) idsAreFound(look *scanner, known int) {
	j.t.Helper()
	found := func(where, form string, atLeast int) {
		if got := len(look.owners[form]); got < atLeast {
			j.t.Errorf("%s: got %d of %d ids as %q, want at least %d: the search proves little", where, got, known, form, atLeast)
		}
		look.forget()
	}
	look.folder(j.t, j.path("engine"))
	found("ClickHouse's files", "id, little-endian", known*9/10) // compressed, but what is random stays as it is
	look.scan("JSON", j.everyTable("JSONEachRow"))
	found("ClickHouse's tables as JSON", "id, decimal", known)
	look.scan("RowBinary", j.everyTable("RowBinary"))
	found("ClickHouse's tables as RowBinary", "id, little-endian", known)
	for _, dir := range j.kafka {
		look.folder(j.t, dir)
	}
	found("Kafka's files", "id, little-endian", known)
}

// noIDsToConsume reads what a consumer still can: at most the last message of each topic, which is a Seal.
func (j *journey) noIDsToConsume() {
	j.t.Helper()
	for _, topic := range []string{broker.Sightings, broker.Counters} {
		left := j.sentFrom(topic, broker.Earliest)
		if len(left) > 1 {
			j.t.Errorf("%s: %d messages can still be read, want at most the last", topic, len(left))
		}
		for _, m := range left {
			if m.envelope.GetSeal() == nil {
				j.t.Errorf("%s: what can still be read is %T, want a Seal", topic, m.envelope.Body)
			}
		}
	}
}

// noIDsBehindTheNewestSegment looks into Kafka's files before and after the segment is rolled that was written to.
func (j *journey) noIDsBehindTheNewestSegment(look *scanner) {
	j.t.Helper()
	files := j.idsInKafka(look)
	if len(files) > 1 || len(files) == 1 && !strings.Contains(files[0], broker.Sightings) {
		j.t.Errorf("ids of sealed days are in %s, want in the newest segment of %s at most", files, broker.Sightings)
	}
	j.t.Logf("after truncation, before the segment is rolled, ids are still in %d file of Kafka's", len(files))
	j.roll()
	// Apache Kafka looks for segments to free from half a minute after its start on, and deletes them in the background.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(500 * time.Millisecond) {
		if files = j.idsInKafka(look); len(files) == 0 {
			break
		}
		if time.Now().After(deadline) {
			j.t.Fatalf("ids of sealed days are still in %s after their segment was rolled", files)
		}
	}
}

// idsInKafka are the files of Kafka that hold an id.
func (j *journey) idsInKafka(look *scanner) []string {
	j.t.Helper()
	look.forget()
	for _, dir := range j.kafka {
		look.folder(j.t, dir)
	}
	files := map[string]bool{}
	for h := range look.hits {
		files[strings.TrimSuffix(h.where, " (unpacked)")] = true
	}
	return slices.Sorted(maps.Keys(files))
}

// roll makes Kafka begin another segment with the next message, sends one, and truncates up to it. Apache Kafka is told to
// delete files at once instead of after a minute.
func (j *journey) roll() {
	j.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(j.brokers...))
	if err != nil {
		j.t.Fatal(err)
	}
	defer client.Close()
	settings := map[string]string{"segment.bytes": "1"}
	if kafkatest.Apache() {
		settings = map[string]string{"segment.ms": "1", "file.delete.delay.ms": "0"}
	}
	var alter []kadm.AlterConfig
	for name, value := range settings {
		alter = append(alter, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: kadm.StringPtr(value)})
	}
	answers, err := kadm.NewClient(client).AlterTopicConfigs(j.t.Context(), alter, broker.Sightings)
	if err != nil || len(answers) != 1 || answers[0].Err != nil {
		j.t.Fatalf("have the segment rolled: %v, %v", err, answers)
	}
	j.publish(&wire.Envelope{
		Header: &wire.Header{Store: "north", StoreDay: int32(twoDays[1]), Policy: wire.Policy_POLICY_STANDARD},
		Body:   &wire.Envelope_Seal{Seal: &wire.Seal{DueMs: 1}},
	})
	end, err := broker.EndOffset(j.t.Context(), broker.Config{Brokers: j.brokers}, broker.Sightings, 0)
	if err != nil {
		j.t.Fatal(err)
	}
	tr, err := truncate.New(truncate.Options{Kafka: broker.Config{Brokers: j.brokers}, Embedded: true})
	if err != nil {
		j.t.Fatal(err)
	}
	defer tr.Close()
	ctx, cancel := context.WithTimeout(j.t.Context(), time.Minute)
	defer cancel()
	if _, err := tr.Before(ctx, broker.Sightings, 0, end); err != nil {
		j.t.Fatal(err)
	}
}
