package optout

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/sensor/optout/guard"
)

// question is the form for a receipt, and what was wrong with what was entered into it.
type question struct {
	Value, Wrong string
}

// standing is what is said of a receipt.
type standing struct {
	Listed, Held bool
	Day          time.Time
	Receipt      string // for the button that undoes it
	Progress     Enforcement
}

func (s *Service) askReceipt(*ask) answer {
	return answer{status: http.StatusOK, view: "check", data: question{}, result: done}
}

func (s *Service) check(q *ask) answer {
	receipt, _, stop, ok := s.receipt(q, guard.Check)
	if !ok {
		return stop
	}
	now := s.o.Registry.Look(receipt.Key())
	s.o.Count("check")
	return answer{status: http.StatusOK, view: "standing", result: done, data: standing{
		Listed: now.State == registry.Listed, Held: now.State == registry.Held, Day: now.Day, Receipt: receipt.Code(),
		Progress: s.o.Progress(now.Version), // for a miss too, which then takes as long
	}}
}

// undo takes the registration of a receipt back. For a receipt that has none the registry does the same, and the page says the
// same.
func (s *Service) undo(q *ask) answer {
	receipt, d, stop, ok := s.receipt(q, guard.Undo)
	if !ok {
		return stop
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.r.Context()), registryTime)
	defer cancel()
	if _, err := s.o.Registry.Undo(ctx, receipt.Key()); err != nil {
		s.o.Logger.Warn("an undo was not confirmed and the shopper was told so: look whether kafka can be reached", "error", err)
		d.Return() // it was not the shopper's doing
		if errors.Is(err, registry.ErrUncertain) {
			return unsure(receipt)
		}
		return nothingDone()
	}
	s.o.Count("undo")
	return answer{status: http.StatusOK, view: "undone", result: done}
}

// unsure says that an undo may have been written all the same, and offers to look that up.
func unsure(receipt Receipt) answer {
	return answer{status: http.StatusServiceUnavailable, view: "unsure", data: receipt.Code(), result: uncertain, retry: 30 * time.Second}
}

// receipt reads and judges a request that brings a receipt; where it may not go on, stop is the answer.
func (s *Service) receipt(q *ask, what guard.Kind) (receipt Receipt, d guard.Decision, stop answer, ok bool) {
	receipt, err := ParseReceipt(q.form.receipt)
	if err != nil {
		text, err := q.words.say("check.wrong")
		if err != nil {
			text = ErrReceipt.Error()
		}
		return receipt, d, answer{status: http.StatusUnprocessableEntity, view: "check", result: invalid,
			data: question{Value: string(q.form.receipt), Wrong: text}}, false
	}
	if !s.o.Registry.Ready() {
		return receipt, d, nothingDone(), false
	}
	to := "check"
	if what == guard.Undo {
		to = "undo"
	}
	switch d = s.o.Guard.Judge(q.r, what, string(q.form.proof)); d.Verdict {
	case guard.Admit:
		return receipt, d, answer{}, true
	case guard.Challenge:
		return receipt, d, challenge(d.Challenge, carried{To: to, Receipt: receipt.Code()}), false
	default:
		return receipt, d, refuse(d), false
	}
}
