package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
)

// jsonFields are the fields of a line of footfall try --json, in their order: programs of others read them.
var jsonFields = []string{
	"start", "end", "occupancy", "occupancy_low", "occupancy_high", "stable", "random", "random_frames", "visits", "bounces",
	"passers_by", "median_dwell_s", "random_share",
}

// decodeCell reads one line of footfall try --json and refuses fields that are not the documented ones.
func decodeCell(t *testing.T, line []byte) tryCell {
	t.Helper()
	var c tryCell
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return c
}

// fieldsOf are the names of a JSON object's fields, in their order.
func fieldsOf(t *testing.T, line []byte) []string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(line))
	if _, err := dec.Token(); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	var names []string
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name.(string))
		var value any
		if err := dec.Decode(&value); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func TestTheFieldsOfTryJSON(t *testing.T) {
	frames := heardPhones(false)
	lines := bytes.Split(bytes.TrimSpace([]byte(tryLines(t, writeHeard(t, container{}, linkHeaders()[2], frames)))), []byte("\n"))
	if len(lines) < 4 {
		t.Fatalf("got %d cells of an hour, want at least 4", len(lines))
	}
	withVisits, without := 0, 0
	for _, line := range lines {
		if got := fieldsOf(t, line); !slices.Equal(got, jsonFields) {
			t.Fatalf("got fields %v, want %v", got, jsonFields)
		}
		c := decodeCell(t, line)
		if start, end := c.Start, c.End; start.Location().String() != "UTC" || end.Sub(start).Minutes() != 15 || start.Minute()%15 != 0 {
			t.Errorf("got a cell from %s to %s, want a quarter of an hour in UTC", start, end)
		}
		if c.Low > c.Occupancy || c.High < c.Occupancy || c.Low < 0 {
			t.Errorf("got occupancy %v outside its interval (%v-%v)", c.Occupancy, c.Low, c.High)
		}
		if d := c.Stable + c.Random - c.Occupancy; d > .002 || d < -.002 {
			t.Errorf("got stable %v and random %v, want them to add up to occupancy %v", c.Stable, c.Random, c.Occupancy)
		}
		if (c.MedianDwellS == nil) != (c.Visits == 0) {
			t.Errorf("got %d visits and median_dwell_s %v, want null exactly without visits", c.Visits, c.MedianDwellS)
		}
		if c.Visits > 0 {
			withVisits++
		} else {
			without++
		}
		if c.RandomShare < 0 || c.RandomShare > 1 {
			t.Errorf("got random_share %v, want a share", c.RandomShare)
		}
	}
	if withVisits == 0 || without == 0 {
		t.Errorf("got %d cells with visits and %d without, want some of both", withVisits, without)
	}
}
