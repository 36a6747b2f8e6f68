package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/keys"
)

// DryRun reads the configured captures through the steps, always open, under throw-away keys, and sends nothing: what a
// sensor would hear. The sensor's own keys are not touched.
func DryRun(ctx context.Context, cfg *Config, o Options) (Counts, time.Duration, error) {
	state, err := keys.Throwaway(firstDay, rand.Reader)
	if err != nil {
		return Counts{}, 0, err
	}
	var p *Pipeline
	p = NewPipeline(Settings{
		Store: "dry-run", Sensor: "dry-run", Zone: "dry-run", Boot: 1, Policy: wire.Policy_POLICY_STANDARD,
		RSSIInside: int8(*cfg.RSSIInside), RSSIFloor: int8(*cfg.RSSIFloor), OneClassKey: true, AnyAge: true,
	}, state.Day(), Deps{Hasher: state.Hasher(), Sink: nowhere{}, NewDay: func(next calendar.Day) error {
		if err := state.Advance(next); err != nil {
			return err
		}
		p.SetHasher(state.Hasher())
		return nil
	}})
	began := time.Now()
	var cut error
	for _, f := range cfg.Source.Files {
		in, _, err := openSource(ctx, f)
		if err == nil {
			err = p.read(ctx, in, func(read int64) {
				if o.Progress != nil {
					o.Progress(read, in.Size())
				}
			})
			err = errors.Join(err, in.Close())
		}
		var truncated *capture.TruncatedError
		if errors.As(err, &truncated) {
			cut = errors.Join(cut, fmt.Errorf("%s: %w", f, err))
		} else if err != nil {
			return p.Counts(), time.Since(began), err
		}
	}
	return p.Counts(), time.Since(began), errors.Join(p.Finish(), cut)
}

// nowhere is the sink of a dry run.
type nowhere struct{}

// Send implements Sink.
func (nowhere) Send(Topic, *wire.Envelope) error { return nil }

// firstDay is before every capture that the pipeline takes: 2000-01-01.
const firstDay calendar.Day = -7305
