// Package capture reads packet captures. In come pcap and pcapng files, gzipped or not, in either byte order, from a path or
// from standard input; out go records: a time, a link type, the bytes and the length they had on the air. It knows nothing of
// what is in a frame. A Writer makes such files for the simulator and for tests.
//
// The containers are read here and not by gopacket's pcapgo because pcapgo refuses records longer than the snap length in the
// file's header (0 is common there), does not check pcapng's block and option lengths against each other, and reports neither
// how far it read nor whether an end was a clean one.
package capture

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

const (
	// maxRecord is the longest record that is believed: libpcap's own limit. Anything longer is a damaged length.
	maxRecord = 256 << 10
	// maxBlock leaves a pcapng packet block room for its options.
	maxBlock = maxRecord + 64<<10
	// maxNesting is how many gzip layers are taken off: a gzipped file inside a gzipped pipe, and one to spare.
	maxNesting = 3
)

// Record is one captured frame with its link header.
type Record struct {
	// Time is the capture time in Unix nanoseconds, as written: it may be nonsense, and is 0 where the container has none.
	Time int64
	// Link is the LINKTYPE_ number of the record's interface.
	Link uint16
	// Data is valid until the next call of Next.
	Data []byte
	// OrigLen is the length on the air in bytes; longer than Data when the capture was snapped.
	OrigLen int
}

// container reads the records of one file format.
type container interface {
	next(w *window) (Record, error)
}

// Reader reads one capture from beginning to end. Next is for one goroutine; Offset and Size may be called from any.
type Reader struct {
	in      window
	format  container
	read    *counter
	size    int64
	closer  io.Closer
	records int64
	err     error
}

// Open opens a capture file for reading only; "-" is standard input. The errors are ErrEmpty, ErrNotCapture,
// *TruncatedError when not even the file's header is whole, or the operating system's.
func Open(path string) (*Reader, error) {
	if path == "-" {
		return NewReader(os.Stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open capture: %w: check the path", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("it is a folder; name the capture files in it")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open capture %s: %w", path, err), f.Close())
	}
	r, err := NewReader(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open capture %s: %w", path, err), f.Close())
	}
	r.closer = f
	if info.Mode().IsRegular() {
		r.size = info.Size()
	}
	return r, nil
}

// NewReader reads a capture from a stream. It reads ahead, so the stream cannot be used for anything else afterwards.
// The errors are those of Open.
func NewReader(r io.Reader) (*Reader, error) {
	c := &counter{r: r}
	in, err := unwrap(c)
	if err != nil {
		return nil, err
	}
	out := &Reader{in: window{in: in}, read: c}
	if out.format, err = detect(&out.in); err != nil {
		return nil, out.explain(err)
	}
	return out, nil
}

// Next returns the next record. The error is io.EOF at a clean end, *TruncatedError where the capture is cut or damaged (what
// came before counts), or the source's own. Once it failed it fails the same way again.
func (r *Reader) Next() (Record, error) {
	if r.err != nil {
		return Record{}, r.err
	}
	rec, err := r.format.next(&r.in)
	if err != nil {
		r.err = r.explain(err)
		return Record{}, r.err
	}
	r.records++
	return rec, nil
}

// Offset is how many bytes of the underlying file were read, compressed as it is; it runs ahead of Next by a buffer.
func (r *Reader) Offset() int64 { return r.read.n.Load() }

// Size is the length of the underlying file in bytes, 0 when it is not known.
func (r *Reader) Size() int64 { return r.size }

// Close closes the file that Open opened. Standard input and a stream given to NewReader stay open.
func (r *Reader) Close() error {
	if r.closer == nil {
		return nil
	}
	if err := r.closer.Close(); err != nil {
		return fmt.Errorf("close capture: %w", err)
	}
	return nil
}

// unwrap takes off the layers of gzip and puts a buffer over what is left.
func unwrap(r io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(r, maxBlock)
	for range maxNesting {
		magic, err := in.Peek(2)
		if err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
			return in, nil //nolint:nilerr // a file this short, or an error, is for detect to judge
		}
		z, err := gzip.NewReader(in)
		switch {
		case errors.Is(err, gzip.ErrHeader):
			return nil, ErrNotCapture
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, &TruncatedError{Reason: "its gzip header is cut"}
		case err != nil:
			return nil, fmt.Errorf("read gzip header: %w", err)
		}
		in = bufio.NewReaderSize(z, maxBlock)
	}
	return in, nil
}

// detect looks at the first four bytes and reads the header of the format they belong to.
func detect(w *window) (container, error) {
	magic, err := w.in.Peek(4)
	switch {
	case errors.Is(err, io.EOF) && len(magic) == 0:
		return nil, ErrEmpty
	case errors.Is(err, io.EOF):
		return nil, ErrNotCapture
	case err != nil:
		return nil, err // io.ErrUnexpectedEOF is a gzip stream that was cut, and explained by the caller
	}
	if order(false).u32(magic) == blockSection {
		return &pcapng{}, nil
	}
	return newPcap(w)
}

// window hands out pieces of the stream in place: what was handed out is released when the next piece is asked for.
type window struct {
	in   *bufio.Reader
	held int
}

// peek releases what is held and returns the next n bytes without holding them. At the end of the stream the error is io.EOF
// when nothing is left, io.ErrUnexpectedEOF when something is. n is at most maxBlock.
func (w *window) peek(n int) ([]byte, error) {
	if w.held > 0 {
		_, err := w.in.Discard(w.held)
		w.held = 0
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
	}
	b, err := w.in.Peek(n)
	if err != nil && len(b) > 0 && errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// counter counts the bytes read from the underlying file, for progress bars.
type counter struct {
	r io.Reader
	n atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
