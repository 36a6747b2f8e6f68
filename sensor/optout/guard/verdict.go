package guard

import "time"

// Kind is what a request wants.
type Kind uint8

// The kinds of requests.
const (
	Register Kind = iota // an address is to be excluded
	Check                // a receipt is looked up
	Undo                 // a registration is withdrawn
	kinds
)

// String is the kind as metrics name it.
func (k Kind) String() string {
	switch k {
	case Register:
		return "register"
	case Check:
		return "check"
	case Undo:
		return "undo"
	default:
		return "unknown"
	}
}

// Verdict is what becomes of a request.
type Verdict uint8

// The verdicts.
const (
	Admit     Verdict = iota // do it
	Challenge                // do nothing and ask for a proof: Decision.Challenge
	Hold                     // a registration goes to quarantine under Decision.Burst
	Refuse                   // do nothing: 429, Retry-After Decision.RetryAfter
)

// String is the verdict as metrics name it.
func (v Verdict) String() string {
	switch v {
	case Admit:
		return "admit"
	case Challenge:
		return "challenge"
	case Hold:
		return "hold"
	case Refuse:
		return "refuse"
	default:
		return "unknown"
	}
}

// Task is what a challenged person or browser has to do, one of two ways: find a nonce so that SHA-256(Token ":" nonce) begins
// with Bits zero bits and send Token ":" nonce, or send Token alone once Wait has passed. A token is good once, for the kind and
// source it was made for, within TokenLife.
type Task struct {
	Token string
	Bits  int
	Wait  time.Duration // whole seconds
}

// Decision is the guard's answer. Fields that do not belong to its verdict are zero.
type Decision struct {
	Verdict    Verdict
	Burst      uint32        // of Hold: a random number that all registrations of one burst share, never 0
	RetryAfter time.Duration // of Refuse: whole seconds
	Challenge  Task          // of Challenge
	took       *claim        // of Admit and Hold: what Return gives back
}
