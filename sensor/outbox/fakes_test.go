package outbox

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/spool"
	"github.com/openfootfall/footfall/ingest/wire"
)

// The real ones fit.
var (
	_ Spool     = (*spool.Spool)(nil)
	_ Publisher = (*broker.Publisher)(nil)
	_ List      = (*registry.List)(nil)
)

var (
	errDown    = errors.New(broker.ReasonNetwork)
	errUnknown = errors.New(broker.ReasonTimeout) // it stored the batch and did not say so
	errLarge   = errors.New(broker.ReasonTooLarge)
	errRights  = errors.New(broker.ReasonNotAuthorized)
)

// kafka keeps what was published, in order, and refuses a number that comes again with other bytes.
type kafka struct {
	t  *testing.T
	mu sync.Mutex
	// answer judges an attempt before anything is stored; nil takes all.
	answer func(topic string, values [][]byte) error
	log    []stored
	seen   map[[2]uint64][]byte
	tries  int
}

type stored struct {
	topic   string
	e       *wire.Envelope
	attempt int
	at      time.Time
}

func (k *kafka) Publish(ctx context.Context, topic string, key []byte, values [][]byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	k.tries++
	var err error
	if k.answer != nil {
		err = k.answer(topic, values)
	}
	for _, v := range values {
		e, derr := wire.Decode(v)
		if derr != nil {
			k.t.Errorf("a broken message was sent: %v", derr)
			continue
		}
		name := [2]uint64{e.Header.Boot, e.Header.Sequence}
		if before, again := k.seen[name]; again && !bytes.Equal(before, v) {
			k.t.Errorf("sequence %d of boot %d was sent with two contents", name[1], name[0])
		}
		k.seen[name] = bytes.Clone(v)
		if err == nil || errors.Is(err, errUnknown) {
			k.log = append(k.log, stored{topic, e, k.tries, time.Now()})
		}
	}
	if string(key) != "street" {
		k.t.Errorf("got key %q, want the store", key)
	}
	return err
}

func (k *kafka) set(answer func(topic string, values [][]byte) error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answer = answer
}

func always(err error) func(string, [][]byte) error {
	return func(string, [][]byte) error { return err }
}

func (k *kafka) stored() []stored {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.log)
}

// list is an opt-out list that the test confirms.
type list struct {
	mu        sync.Mutex
	tags      map[uint32]bool
	version   uint64
	confirmed time.Time
}

func (l *list) Has(tag uint32) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tags[tag]
}

func (l *list) Version() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.version
}

func (l *list) ConfirmedAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.confirmed
}

func (l *list) confirm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.confirmed = time.Now()
}

func (l *list) add(tags ...uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.version++
	for _, tag := range tags {
		l.tags[tag] = true
	}
	l.confirmed = time.Now()
}
