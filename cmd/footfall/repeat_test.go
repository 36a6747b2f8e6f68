package main

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/aggregate/visits"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/returns"
	"github.com/openfootfall/footfall/sensor/simulate"
)

// noiseDraws is how many times the same five weeks pass through filters with other noise.
const noiseDraws = 20

// TestRepeatRateIntervalHoldsTheTruthOverDrawsOfTheNoise sends the same visitors through the sensor's steps under 20 seeded
// draws of keys and filter noise. Of all weekly rates from the second week on, the 95 % intervals must hold the truth with the
// same look-back in at least nine of ten; the seeds are fixed, so the test says the same each time.
func TestRepeatRateIntervalHoldsTheTruthOverDrawsOfTheNoise(t *testing.T) {
	list, err := stores.Parse([]byte(demoStores))
	if err != nil {
		t.Fatal(err)
	}
	s := list[0]
	cfg := simulate.Default(s, demoStart)
	cfg.ShoppersPerDay, cfg.PassersPerDay, cfg.StableShare, cfg.Staff, cfg.Gear, cfg.Neighbours = 150, 0, .5, 0, 0, 0
	dir := t.TempDir()
	var files []string
	truth, err := simulate.Run(t.Context(), cfg, func(day calendar.Day) (io.WriteCloser, error) {
		files = append(files, filepath.Join(dir, day.String()+".pcap"))
		return os.Create(files[len(files)-1])
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	in, all := 0, 0
	judge := func(share estimate.Share, want float64) {
		if share.Known {
			all++
			if share.Low <= want && want <= share.High {
				in++
			}
		}
	}
	for draw := range noiseDraws {
		weeks := repeatUnder(t, s, files, rand.NewChaCha8([32]byte{byte(draw), 7}))
		for i := 1; i < len(truth.Weeks); i++ {
			rate := estimate.Repeat(weeks[i], estimate.KeepProbability(s.ReturnEpsilon))
			judge(rate.Week1, truth.Weeks[i].OneWeek.SpanShare)
			judge(rate.Week4, truth.Weeks[i].FourWeeks.SpanShare)
		}
	}
	if want := noiseDraws * 5; all != want { // four weeks look back one week, the last one also four
		t.Errorf("got %d rates, want %d", all, want)
	}
	if float64(in) < .9*float64(all) {
		t.Errorf("the interval held the truth in %d of %d rates, want at least 90 %%", in, all)
	}
	t.Logf("the interval held the truth in %d of %d rates", in, all)
}

// repeatUnder sends captures through a sensor's steps with the noise given, and returns each week's answers by store-day.
func repeatUnder(t *testing.T, s stores.Store, files []string, noise io.Reader) [][]estimate.Answers {
	t.Helper()
	state, err := keys.Throwaway(demoStart, noise)
	if err != nil {
		t.Fatal(err)
	}
	filters, err := returns.Open(t.TempDir(), returns.Options{Epsilon: s.ReturnEpsilon, Day: demoStart, Issue: state.Issue(), Random: noise})
	if err != nil {
		t.Fatal(err)
	}
	union := &answersOnly{t: t, store: s, days: map[calendar.Day]*visits.Day{}}
	var p *agent.Pipeline
	p = agent.NewPipeline(agent.Settings{
		Store: s.ID, Sensor: s.Sensors[0].ID, Zone: s.Sensors[0].Zone, Boot: 1, Calendar: s.Calendar, Hours: s.Hours, Policy: s.Policy,
		RSSIInside: agent.DefaultRSSIInside, RSSIFloor: agent.DefaultRSSIFloor,
	}, demoStart, agent.Deps{Hasher: state.Hasher(), Returns: filters, Sink: union, NewDay: func(next calendar.Day) error {
		if err := errors.Join(state.Advance(next), filters.EndDay(next)); err != nil {
			return err
		}
		p.SetHasher(state.Hasher())
		return nil
	}})
	for _, f := range files {
		replayFile(t, p, f)
	}
	if err := p.Finish(); err != nil {
		t.Fatal(err)
	}
	return union.weeks()
}

func replayFile(t *testing.T, p *agent.Pipeline, file string) {
	t.Helper()
	r, err := capture.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			err = p.Frame(rec)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// answersOnly is an aggregator of sightings and answers.
type answersOnly struct {
	t     *testing.T
	store stores.Store
	days  map[calendar.Day]*visits.Day
}

// Send implements agent.Sink.
func (a *answersOnly) Send(_ agent.Topic, e *wire.Envelope) error {
	batch := e.GetSightings()
	if batch == nil {
		return nil
	}
	day := calendar.Day(e.Header.StoreDay)
	d := a.days[day]
	if d == nil {
		var err error
		if d, err = visits.NewDay(a.store.Calendar.Start(day).UnixMilli(), a.store.Calendar.End(day).UnixMilli()); err != nil {
			return err
		}
		a.days[day] = d
	}
	var run wire.Run
	for runs := batch.Runs(); runs.Next(&run); {
		d.AddRun(run.ID, 0, e.Header.BaseMs-d.StartMS(), run.DeltasMS)
		if run.HasAnswer {
			d.Answer(run.ID, 0, run.Answer)
		}
	}
	if len(batch.FilterOnes) == visits.Weeks {
		d.Filter(0, [visits.Weeks]uint32(batch.FilterOnes), uint8(batch.LookbackWeeks), batch.FilterNew)
	}
	return nil
}

func (a *answersOnly) weeks() [][]estimate.Answers {
	var out [][]estimate.Answers
	first := demoStart.Week()
	for _, day := range sortedDays(a.days) {
		for len(out) <= int(day.Week()-first) {
			out = append(out, nil)
		}
		r := a.days[day].Result(visits.Layout{ZoneOf: []int{0}, Location: a.store.Calendar.Location()}, visits.DefaultParams()).Returns
		i := day.Week() - first
		out[i] = append(out[i], estimate.Answers{Counts: r.Counts, Q0: r.Q0, Lookback: int(r.Lookback)})
	}
	return out
}
