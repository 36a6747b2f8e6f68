package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
)

// Burst is what an operator sees of registrations that came together.
type Burst struct {
	Number        uint32
	Registrations int
	First, Last   time.Time // the beginnings of the UTC days of the first and the last of them
}

// Bursts are those in quarantine, the oldest first.
func (d *Desk) Bursts() []Burst {
	d.mu.RLock()
	defer d.mu.RUnlock()
	byNumber := make(map[uint32]*Burst, len(d.held.bursts))
	for h, held := range d.held.details {
		day := calendar.Day(d.held.entries[h].day).Date()
		b := byNumber[held.burst]
		if b == nil {
			b = &Burst{Number: held.burst, First: day, Last: day}
			byNumber[held.burst] = b
		}
		b.Registrations++
		if day.Before(b.First) {
			b.First = day
		}
		if day.After(b.Last) {
			b.Last = day
		}
	}
	list := make([]Burst, 0, len(byNumber))
	for _, b := range byNumber {
		list = append(list, *b)
	}
	slices.SortFunc(list, func(a, b Burst) int { return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Number, b.Number)) })
	return list
}

// reviewChunk is how many registrations are released before it is looked who undid theirs meanwhile.
const reviewChunk = 1000

// Release puts the registrations of a burst into the registry as they are, with their day, and then removes them from the
// quarantine; it returns how many. One that is undone meanwhile stays undone. After an error, releasing again finishes it.
func (d *Desk) Release(ctx context.Context, burst uint32) (released int, err error) {
	d.mu.RLock()
	records, seen := d.held.ofBurst(burst), int64(d.held.end)
	d.mu.RUnlock()
	err = d.producing(ctx, func(p *broker.Producer) error {
		undone := map[string]bool{}
		for chunk := range slices.Chunk(records, reviewChunk) {
			n, err := d.release(ctx, p, chunk, undone, &seen)
			released += n
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return released, fmt.Errorf("release burst %08x: %w: release it again, which goes on where this ended", burst, err)
	}
	return released, nil
}

// release does it for some of a burst. Undo removes a registration from the quarantine before the registry: so if the quarantine
// has no removal of it now that it is in the registry, the one in the registry will come later than the registration.
func (d *Desk) release(ctx context.Context, p *broker.Producer, records []HeldRecord, undone map[string]bool, seen *int64) (released int, err error) {
	records = slices.DeleteFunc(records, func(r HeldRecord) bool { return undone[string(r.Key)] })
	if err := sendAll(ctx, p, broker.OptOuts, records, func(r HeldRecord) ([]byte, []byte, error) { return r.record().Encode() }); err != nil {
		return 0, err
	}
	*seen, err = broker.ReadPartition(ctx, d.cfg, broker.Quarantine, 0, *seen, func(m broker.Message) error {
		if len(m.Value) == 0 {
			undone[string(m.Key)] = true
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	var back, done []HeldRecord
	for _, r := range records {
		if undone[string(r.Key)] {
			back = append(back, r)
		} else {
			done = append(done, r)
		}
	}
	err = errors.Join(sendAll(ctx, p, broker.OptOuts, back, removal), sendAll(ctx, p, broker.Quarantine, done, removal))
	return len(done), err
}

// Drop removes the registrations of a burst from the quarantine and returns how many. They are never enforced; their receipts
// look like ones that never were. After an error, dropping again finishes it.
func (d *Desk) Drop(ctx context.Context, burst uint32) (dropped int, err error) {
	d.mu.RLock()
	records := d.held.ofBurst(burst)
	d.mu.RUnlock()
	err = d.producing(ctx, func(p *broker.Producer) error { return sendAll(ctx, p, broker.Quarantine, records, removal) })
	if err != nil {
		return 0, fmt.Errorf("drop burst %08x: %w: drop it again, which goes on where this ended", burst, err)
	}
	return len(records), nil
}

func removal(r HeldRecord) (key, value []byte, err error) {
	return HeldRecord{Key: r.Key, Removed: true}.Encode()
}

// producing lends a producer, which sends many messages in few requests, to do.
func (d *Desk) producing(ctx context.Context, do func(p *broker.Producer) error) error {
	p, err := broker.NewProducer(d.cfg, broker.ProducerOptions{Now: d.stamp, Registerer: d.reg, Logger: d.log})
	if err != nil {
		return err
	}
	return errors.Join(do(p), p.Close(ctx))
}

// sendAll sends a message for each record and returns when Kafka has stored them all.
func sendAll(ctx context.Context, p *broker.Producer, topic string, records []HeldRecord, encode func(HeldRecord) (key, value []byte, err error)) error {
	for _, r := range records {
		key, value, err := encode(r)
		if err == nil {
			err = p.Send(ctx, topic, key, value)
		}
		if err != nil {
			return err
		}
	}
	return p.Flush(ctx)
}
