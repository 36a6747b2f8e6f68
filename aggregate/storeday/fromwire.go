package storeday

import (
	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/ingest/wire"
)

// Counters is a decoded minute as the estimator takes it.
func Counters(epoch int32, m *wire.Minute) estimate.MinuteData {
	out := estimate.MinuteData{Minute: m.Minute, Epoch: epoch, ListenedS: m.ListenedS, MemoryAge: m.MemoryAge, Rows: make([]estimate.Row, len(m.Rows))}
	for i, r := range m.Rows {
		out.Rows[i] = estimate.Row{Class: r.Class, Band: r.Band, Bursts: r.Bursts, Fresh: r.Fresh, Back: r.Back}
	}
	return out
}

// Heard is a decoded minute without its classes.
func Heard(m *wire.Minute) Minute {
	return Minute{
		Minute: m.Minute, ListenedS: m.ListenedS, FramesRandom: m.FramesRandom, FramesStable: m.FramesStable,
		PassersBy: m.PassersBy, ExcludedLong: m.ExcludedLong,
	}
}
