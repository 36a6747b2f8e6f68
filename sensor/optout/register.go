package optout

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
	"github.com/openfootfall/footfall/sensor/optout/guard"
)

// entry is the form for an address, and what was wrong with what was entered into it.
type entry struct {
	Value string // what was entered, shown again only to who entered it
	Wrong string // the sentence that says what is wrong
	Desk  bool
}

// carried is a form on its way through a page that stands between: made-up addresses, and a moment of waiting.
type carried struct {
	To               string // the page that it is sent to
	Address, Receipt string
	Confirm, Desk    bool
	Token            string
	Bits             int
	Wait             int // seconds
}

// registered is the result of a registration.
type registered struct {
	Receipt  string
	Random   bool
	Held     bool
	Desk     bool
	Progress Enforcement
}

func (s *Service) start(*ask) answer {
	return answer{status: http.StatusOK, view: "start", data: entry{}, result: done}
}

func (s *Service) desk(*ask) answer {
	return answer{status: http.StatusOK, view: "desk", data: entry{Desk: true}, result: done}
}

// register is the flow of a registration. It never asks whether the tag is known, so a known one looks and takes as long as a
// new one.
func (s *Service) register(q *ask) answer {
	atDesk := s.o.Desk && q.form.atDesk()
	address, wrong := parseAddress(q.form.address)
	if wrong.flaw != sound {
		return s.mistaken(q, wrong, atDesk)
	}
	if !s.o.Registry.Ready() { // said before anybody answers a question in vain
		return nothingDone()
	}
	random := address.Random()
	if random && !q.form.confirmed() {
		return answer{status: http.StatusOK, view: "random", result: asked, data: carried{
			To: "register", Address: string(q.form.address), Confirm: true, Desk: atDesk}}
	}
	d := s.o.Guard.Judge(q.r, guard.Register, string(q.form.proof))
	switch d.Verdict {
	case guard.Challenge:
		return challenge(d.Challenge, carried{To: "register", Address: string(q.form.address), Confirm: random, Desk: atDesk})
	case guard.Admit, guard.Hold:
	default:
		return refuse(d)
	}
	receipt, err := NewReceipt(s.o.Random)
	if err != nil {
		d.Return()
		return nothingDone()
	}
	tag := s.o.Tagger.Tag(address)
	address = hwaddr.Addr{}
	result := registered{Receipt: receipt.Code(), Random: random, Held: d.Verdict == guard.Hold, Desk: atDesk}
	version, err := s.enter(q.r, receipt, tag, d)
	if err != nil {
		// It was not the shopper's doing.
		d.Return()
		if errors.Is(err, registry.ErrFull) { // until somebody has looked through it
			return refuse(guard.Decision{RetryAfter: 10 * time.Minute})
		}
		return nothingDone()
	}
	result.Progress = s.o.Progress(version)
	if result.Held {
		s.o.Count("hold")
		return answer{status: http.StatusAccepted, view: "held", data: result, result: held}
	}
	s.o.Count("register")
	return answer{status: http.StatusOK, view: "result", data: result, result: done}
}

// enter gives a registration to the registry. Somebody who goes away in the middle does not stop it: it is done whole or not.
func (s *Service) enter(r *http.Request, receipt Receipt, tag uint32, d guard.Decision) (version uint64, err error) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(r.Context()), registryTime)
	defer stop()
	if d.Verdict == guard.Hold {
		err = s.o.Registry.Hold(ctx, receipt.Key(), tag, d.Burst)
	} else {
		version, err = s.o.Registry.Register(ctx, receipt.Key(), tag)
	}
	if err != nil {
		s.o.Logger.Warn("a registration was not written and the shopper was told so: look whether kafka can be reached", "error", err)
	}
	return version, err
}

// mistaken shows the form again, with what is wrong.
func (s *Service) mistaken(q *ask, m mistake, atDesk bool) answer {
	key := "mistake." + string(m.flaw)
	if m.flaw == character && m.char == "" {
		key = "mistake.hidden"
	}
	text, err := q.words.say(key, "digits", m.digits, "place", m.place, "char", m.char)
	if err != nil {
		text = ErrReceipt.Error()
	}
	a := answer{status: http.StatusUnprocessableEntity, view: "start", result: invalid,
		data: entry{Value: string(q.form.address), Wrong: text, Desk: atDesk}}
	if atDesk {
		a.view = "desk"
	}
	return a
}

func challenge(t guard.Task, c carried) answer {
	c.Token, c.Bits, c.Wait = t.Token, t.Bits, int((t.Wait+time.Second-1)/time.Second)
	return answer{status: http.StatusOK, view: "wait", data: c, result: challenged, script: true}
}

func refuse(d guard.Decision) answer {
	a := problem(http.StatusTooManyRequests, refused)
	a.retry = max(d.RetryAfter, time.Second)
	return a
}

// nothingDone says that nothing was registered, changed or looked up.
func nothingDone() answer {
	a := problem(http.StatusServiceUnavailable, unavailable)
	a.retry = 30 * time.Second
	return a
}
