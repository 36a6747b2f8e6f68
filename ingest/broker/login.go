package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// login is the SASL mechanism of a password file. It reads the file at each login, so that a password can be changed under a
// running program, and goes on with the one it has where the file cannot be read.
type login struct {
	settings SecuritySASL

	mu        sync.Mutex
	password  string
	mechanism sasl.Mechanism
}

var errLogin = errors.New("log in to Kafka")

func newLogin(s SecuritySASL) (*login, error) {
	l := &login{settings: s}
	password, err := readPassword(s.PasswordFile)
	if err != nil {
		return nil, err
	}
	return l, l.use(password)
}

// use makes the mechanism of a password. No error holds any of the password: SCRAM's own would show a character of it.
func (l *login) use(password string) error {
	if l.mechanism != nil && password == l.password {
		return nil // SCRAM's mechanism keeps what it derived from the password, at some cost
	}
	var made sasl.Mechanism
	var err error
	switch l.settings.Mechanism {
	case Plain:
		made = plain.Mechanism{Username: l.settings.User, Password: password}
	case ScramSHA256:
		made, err = scram.Mechanism(scram.SHA256, l.settings.User, password)
	default:
		made, err = scram.Mechanism(scram.SHA512, l.settings.User, password)
	}
	if err != nil {
		return errors.New("sasl.user or the password holds a character that SCRAM does not allow: choose others, such as letters and digits")
	}
	l.password, l.mechanism = password, made
	return nil
}

// Name implements sasl.Mechanism.
func (l *login) Name() string { return l.settings.Mechanism }

// Start implements sasl.Mechanism.
func (l *login) Start(ctx context.Context) (sasl.StateMachine, []byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if password, err := readPassword(l.settings.PasswordFile); err == nil {
		if err := l.use(password); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", errLogin, err)
		}
	}
	steps, first, err := l.mechanism.Start(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errLogin, err)
	}
	return loginSteps{steps}, first, nil
}

// Format implements fmt.Formatter: whatever prints a configuration, the password is not in it.
func (l *login) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "login by "+l.Name()) }

// MarshalText implements encoding.TextMarshaler, for the same reason.
func (l *login) MarshalText() ([]byte, error) { return []byte("login by " + l.Name()), nil }

// loginSteps marks errors as the login's.
type loginSteps struct{ sasl.StateMachine }

// Next implements sasl.StateMachine.
func (s loginSteps) Next(ctx context.Context, challenge []byte) (bool, []byte, error) {
	done, answer, err := s.StateMachine.Next(ctx, challenge)
	if err != nil {
		err = fmt.Errorf("%w: %w", errLogin, err)
	}
	return done, answer, err
}
