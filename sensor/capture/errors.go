package capture

import (
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// ErrEmpty says that there was not one byte to read.
var ErrEmpty = errors.New("the capture is empty (0 bytes); check that the recording had started and that the copy finished")

// ErrNotCapture says that the bytes are of no format this package reads.
var ErrNotCapture = errors.New("this is not a capture file; " +
	"give a pcap or pcapng file, gzipped or not, as tcpdump -w or Wireshark writes it")

// TruncatedError says that a capture is cut or damaged and where. The records before are good and count.
type TruncatedError struct {
	// Records is how many records were read before.
	Records int64
	// Offset is how many bytes of the underlying file had been read, rounded up to a buffer.
	Offset int64
	// Reason says in a few words what is wrong. It holds nothing of the capture's content.
	Reason string
}

// Error is a sentence for the operator.
func (e *TruncatedError) Error() string {
	return fmt.Sprintf("the capture is cut or damaged after %d records: %s; what was read before is good, "+
		"copy the file again if it should be longer", e.Records, e.Reason)
}

// corruptError is what a container found wrong, before it is known how many records came before.
type corruptError string

func (e corruptError) Error() string { return string(e) }

// explain turns what a container or the decompression reported into what Next promises.
func (r *Reader) explain(err error) error {
	var corrupt corruptError
	var flateCorrupt flate.CorruptInputError
	reason := ""
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, ErrEmpty), errors.Is(err, ErrNotCapture):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		reason = "it ends in the middle of a record"
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, &flateCorrupt):
		reason = "its compression is damaged"
	case errors.As(err, &corrupt):
		reason = string(corrupt)
	default:
		return fmt.Errorf("read capture after %d records: %w", r.records, err)
	}
	return &TruncatedError{Records: r.records, Offset: r.Offset(), Reason: reason}
}
