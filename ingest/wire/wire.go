// Package wire is version 1 of what sensors and aggregators say to each other. Envelopes come in from a builder or as bytes
// from Kafka; bytes, or envelopes whose columns agree with each other, go out. It knows no keys and no addresses, reads no
// clock, and never panics on bytes from outside. DESIGN section 7 says what the messages mean.
package wire

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
)

// MaxBytes is the largest encoded envelope, in bytes: what Kafka takes in one message by default, less room for its own
// framing. Decode refuses more before it allocates anything.
const MaxBytes = 900 << 10

// Reasons why an envelope is not used: a closed list, fit for metric labels and dead letters.
const (
	ReasonBroken       = "broken"       // not protobuf, or too large
	ReasonUnknownKind  = "unknown_kind" // made by a newer program, or empty
	ReasonBadHeader    = "bad_header"   // nobody can say whose it is
	ReasonInconsistent = "inconsistent" // its columns contradict each other or the header
)

// Reasons lists every reason of an InvalidError.
func Reasons() []string {
	return []string{ReasonBroken, ReasonUnknownKind, ReasonBadHeader, ReasonInconsistent}
}

// ErrUnknownKind is what errors.Is finds in the error of an envelope whose kind this program does not know.
var ErrUnknownKind = errors.New("envelope of an unknown kind")

// InvalidError says why an envelope cannot be used. It repeats nothing of the body.
type InvalidError struct {
	Reason string  // one of Reasons
	Detail string  // a constant sentence: which rule is broken
	Header *Header // for the dead letter; nil where it could not be read
}

// Error is the reason and the broken rule.
func (e *InvalidError) Error() string { return "envelope " + e.Reason + ": " + e.Detail }

// Is makes errors.Is(err, ErrUnknownKind) true for unknown kinds.
func (e *InvalidError) Is(target error) bool {
	return target == ErrUnknownKind && e.Reason == ReasonUnknownKind
}

// Encode checks an envelope by the rules of Decode and returns its bytes, the same ones for the same envelope: what a sensor
// sends is never dead-lettered by an aggregator of the same version. The error is an *InvalidError.
func Encode(e *Envelope) ([]byte, error) {
	if err := Validate(e); err != nil {
		return nil, err
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
	if err != nil {
		return nil, &InvalidError{Reason: ReasonBroken, Detail: fmt.Sprintf("protobuf: %v", err), Header: e.Header}
	}
	if len(raw) > MaxBytes {
		return nil, &InvalidError{Reason: ReasonBroken, Detail: "larger than MaxBytes: send smaller batches", Header: e.Header}
	}
	return raw, nil
}

// Decode reads and checks an envelope. Fields it does not know are skipped. The error is an *InvalidError, with the header
// where there was one to read; the envelope is nil then. Memory stays within a small multiple of the bytes' length.
func Decode(raw []byte) (*Envelope, error) {
	if len(raw) > MaxBytes {
		return nil, &InvalidError{Reason: ReasonBroken, Detail: "larger than MaxBytes"}
	}
	e := new(Envelope)
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(raw, e); err != nil {
		return nil, &InvalidError{Reason: ReasonBroken, Detail: "not a protobuf envelope"}
	}
	if err := Validate(e); err != nil {
		return nil, err
	}
	return e, nil
}

// Kind names the body for metrics and logs: sightings, counters, rollup, heartbeat, forget, seal, or unknown.
func (x *Envelope) Kind() string {
	switch x.GetBody().(type) {
	case *Envelope_Sightings:
		return "sightings"
	case *Envelope_Counters:
		return "counters"
	case *Envelope_Rollup:
		return "rollup"
	case *Envelope_Heartbeat:
		return "heartbeat"
	case *Envelope_Forget:
		return "forget"
	case *Envelope_Seal:
		return "seal"
	default:
		return "unknown"
	}
}
