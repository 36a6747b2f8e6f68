package broker_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/embedded"
	"github.com/openfootfall/footfall/ingest/kafkatest"
)

func TestFollowStandsAtTheEndOfAnEmptyTopic(t *testing.T) {
	cfg := start(t)
	f := broker.Follower{Config: cfg, Topic: broker.OptOuts}
	empties := 0
	err := f.Follow(soon(t), broker.Earliest, func(b broker.Batch) error {
		if len(b.Messages) != 0 || b.Next != 0 || b.End != 0 || b.Reset {
			t.Errorf("batch of an empty topic: got %+v, want nothing at 0", b)
		}
		if empties++; empties == 2 {
			return errDone
		}
		return nil
	})
	if !errors.Is(err, errDone) {
		t.Errorf("Follow: got %v, want errDone", err)
	}
}

func TestFollowGoesOn(t *testing.T) {
	cfg := start(t)
	fill(t, cfg, broker.OptOuts, "k", 0, 5)
	var got []string
	wrote := false
	f := broker.Follower{Config: cfg, Topic: broker.OptOuts, Logger: testLog(t)}
	err := f.Follow(soon(t), 2, func(b broker.Batch) error {
		for _, m := range b.Messages {
			got = append(got, string(m.Value))
		}
		if !wrote && b.Next >= b.End { // at the end: then more comes
			wrote = true
			fill(t, cfg, broker.OptOuts, "k", 5, 5)
		}
		if len(got) == 8 {
			return errDone
		}
		return nil
	})
	if !errors.Is(err, errDone) || !slices.Equal(got, numbers(2, 8)) {
		t.Errorf("got %v and %v, want 2 to 9", got, err)
	}
}

// TestFollowOutlivesTheBroker restarts the broker on its folder and address.
func TestFollowOutlivesTheBroker(t *testing.T) {
	if kafkatest.Apache() {
		t.Skip("restarts the embedded broker")
	}
	o := embedded.Options{DataDir: t.TempDir()}
	b, err := embedded.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { b.Close() }()
	o.Addr = b.Addr()
	cfg := broker.Config{Brokers: []string{o.Addr}}
	ensure(t, cfg)
	fill(t, cfg, broker.OptOuts, "k", 0, 5)
	var got []string
	f := broker.Follower{Config: cfg, Topic: broker.OptOuts, Logger: testLog(t)}
	err = f.Follow(soon(t), broker.Earliest, func(batch broker.Batch) error {
		for _, m := range batch.Messages {
			got = append(got, string(m.Value))
		}
		switch len(got) {
		case 5:
			b.Close()
			var err error
			if b, err = embedded.Start(o); err != nil {
				return err
			}
			fill(t, cfg, broker.OptOuts, "k", 5, 5)
		case 10:
			return errDone
		}
		return nil
	})
	if !errors.Is(err, errDone) || !slices.Equal(got, numbers(0, 10)) {
		t.Errorf("got %v and %v, want 0 to 9", got, err)
	}
}

func TestReadPartition(t *testing.T) {
	cfg := start(t)
	fill(t, cfg, broker.OptOuts, "k", 0, 2500)
	tests := []struct {
		name string
		from int64
		want []string
	}{
		{"from the beginning", broker.Earliest, numbers(0, 2500)},
		{"from an offset in the middle of a batch", 1234, numbers(1234, 1266)},
		{"from the end", 2500, nil},
		{"from beyond the end", 9999, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			end, err := broker.ReadPartition(soon(t), cfg, broker.OptOuts, 0, tt.from, func(m broker.Message) error {
				if m.Topic != broker.OptOuts || m.Partition != 0 || string(m.Key) != "k" {
					t.Errorf("message: got %+v, want the registry's", m)
				}
				got = append(got, string(m.Value))
				return nil
			})
			if err != nil || end != 2500 || !slices.Equal(got, tt.want) {
				t.Errorf("got %d messages, end %d, %v, want %d and 2500", len(got), end, err, len(tt.want))
			}
		})
	}
	_, err := broker.ReadPartition(soon(t), cfg, broker.OptOuts, 0, 0, func(broker.Message) error { return errDone })
	if !errors.Is(err, errDone) {
		t.Errorf("error of each: got %v, want errDone", err)
	}
}
