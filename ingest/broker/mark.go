package broker

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// mark is the last message that a follower read. A topic that was deleted and made anew while nobody was connected can have grown
// beyond the offset to go on at, and an offset alone does not show it; the message there does. (kafka-go cannot ask for the id
// that Kafka gives a topic.)
type mark struct {
	from    int64 // where reading began
	offset  int64 // of the message; below 0: none was read yet
	message [sha256.Size]byte
	unsure  int // connections in a row that could not tell
}

func newMark(from int64) *mark { return &mark{from: from, offset: -1} }

// move takes the last message of what was read.
func (k *mark) move(b Batch) {
	if k != nil && len(b.Messages) > 0 {
		m := b.Messages[len(b.Messages)-1]
		k.offset, k.message, k.unsure = m.Offset, fingerprint(m.Time, m.Key, m.Value), 0
	}
}

// fingerprint stands for a message: no other message has it.
func fingerprint(at time.Time, key, value []byte) [sha256.Size]byte {
	raw := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMilli()))
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(key)))
	return sha256.Sum256(append(append(raw, key...), value...))
}

// recognise looks at the beginning of a connection whether the topic is the one that was read: the last message that was read must
// still be there. Otherwise reading begins anew. That includes a message that compaction removed, which proves nothing: it is rare,
// because a follower that stood at the end has read the newest message of all, which compaction leaves alone until others come.
func (r *partitionReader) recognise(conn *kafka.Conn) error {
	switch {
	case r.mark == nil || r.offset < 0:
		return nil
	case r.mark.offset < 0: // nothing was read that could be of another topic
		r.offset = r.mark.from
		return nil
	}
	same, err := r.same(conn)
	if err != nil && !errors.Is(err, kafka.OffsetOutOfRange) {
		return fmt.Errorf("look whether %s/%d is the same: %w", r.topic, r.partition, err)
	}
	if !same {
		r.log.Warn("the message read last is not there any more, or another; reading from the earliest message", "topic", r.topic, "partition", r.partition, "offset", r.mark.offset)
		r.metrics.outOfRange.WithLabelValues(r.topic).Inc()
		r.beginAgain()
	}
	return nil
}

// same reports whether the message at the mark is what it was.
func (r *partitionReader) same(conn *kafka.Conn) (bool, error) {
	if err := conn.SetDeadline(time.Now().Add(fetchWait + callTimeout)); err != nil {
		return false, fmt.Errorf("set a deadline: %w", err)
	}
	if _, err := conn.Seek(r.mark.offset, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		return false, err
	}
	fetched := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: recogniseBytes, MaxWait: fetchWait})
	m, err := fetched.ReadMessage()
	for err == nil && m.Offset < r.mark.offset { // a compressed batch begins before the offset asked for
		m, err = fetched.ReadMessage()
	}
	end := fetched.HighWaterMark()
	closing := fetched.Close()
	switch {
	case err == nil:
		return m.Offset == r.mark.offset && fingerprint(m.Time, m.Key, m.Value) == r.mark.message, nil
	case closing != nil && !errors.Is(closing, kafka.RequestTimedOut): // kafka-go calls a fetch that found nothing so
		return false, closing
	case end > r.mark.offset: // it was removed, and all that followed it
		return false, nil
	}
	// Another topic that ends just there, or a leader that does not know yet how far its followers have come.
	if r.mark.unsure++; r.mark.unsure < unsureMost {
		return false, fmt.Errorf("the partition ends at %d, before the message read last", end)
	}
	return false, nil
}

// unsureMost is how many connections in a row wait for a new leader to learn where its partition ends.
const unsureMost = 4

// recogniseBytes bounds what is fetched to recognise a topic; a message that is longer comes whole.
const recogniseBytes = 16 << 10

func (r *partitionReader) beginAgain() {
	r.offset, r.reset = Earliest, true
	if r.mark != nil {
		r.mark = newMark(Earliest)
	}
}
