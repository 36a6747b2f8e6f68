package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// TestEachDay looks every minute, says once that the audit log takes nothing, and writes the day that is not over at the end.
func TestEachDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		today := utcDay(time.Now())
		broken := []bool{false, true, true, false, true}
		ctx, stop := context.WithCancel(t.Context())
		var asked []calendar.Day
		reported := 0
		err := eachDay(ctx, time.Now, func(before calendar.Day) error {
			asked = append(asked, before)
			if len(asked) == len(broken) {
				stop()
			}
			if n := len(asked); n <= len(broken) && broken[n-1] {
				return errors.New("the disk is full")
			}
			return nil
		}, func(error) { reported++ })
		if want := []calendar.Day{today, today, today, today, today, today + 1}; err != nil || !slices.Equal(asked, want) {
			t.Errorf("got %v and the days %v, want %v", err, asked, want)
		}
		if reported != 2 {
			t.Errorf("got %d failures reported, want the first of each row: 2", reported)
		}
	})
}
