package agent

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/openfootfall/footfall/sensor/capture"
)

// Progress is told how far a source was read: bytes of it, and its size (0 when not known).
type Progress func(read, size int64)

// progressEvery is how many frames go by between two looks at the context and the progress.
const progressEvery = 4096

// read feeds a capture to the pipeline. A capture cut short is reported with a *capture.TruncatedError after what was read of
// it has counted.
func (p *Pipeline) read(ctx context.Context, r *capture.Reader, progress func(read int64)) error {
	for n := 0; ; n++ {
		if n%progressEvery == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if progress != nil {
				progress(r.Offset())
			}
		}
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.Frame(rec); err != nil {
			return err
		}
	}
}

// bootOf makes the boot id of a run over files from their content, so that the same files, read again, count once. Standard
// input is known by its first bytes, which head holds.
func bootOf(files []string, head []byte) (uint64, error) {
	h := sha256.New()
	for _, f := range files {
		var b [8]byte
		if f != "-" {
			print, err := capture.Fingerprint(f)
			if err != nil {
				return 0, fmt.Errorf("read the source: %w", err)
			}
			binary.BigEndian.PutUint64(b[:], print)
			h.Write(b[:])
			continue
		}
		h.Write(head)
	}
	return binary.BigEndian.Uint64(h.Sum(nil)), nil
}
