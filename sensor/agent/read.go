package agent

import (
	"context"
	"errors"
	"io"

	"github.com/openfootfall/footfall/sensor/capture"
)

// Progress is told how far a source was read: bytes of it, and its size (0 when not known).
type Progress func(read, size int64)

// progressEvery is how many frames go by between two looks at the context and the progress.
const progressEvery = 4096

// interruptible makes reads from a source that may stay quiet for long, standard input, end with the context. Its goroutine
// may wait in the source until the process ends.
func interruptible(ctx context.Context, source io.Reader) io.Reader {
	r, w := io.Pipe()
	go func() {
		_, err := io.Copy(w, source)
		_ = w.CloseWithError(err) // nil is io.EOF for the reader
	}()
	context.AfterFunc(ctx, func() { _ = w.CloseWithError(ctx.Err()) })
	return r
}

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
