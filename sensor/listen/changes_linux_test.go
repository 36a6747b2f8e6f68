package listen

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/listen/tap"
)

func TestCloseWakesRead(t *testing.T) {
	d := tap.New(t, dot11.LinkRadiotap)
	for range 50 {
		s := open(t, Options{Interface: d.Name()})
		started, result := make(chan struct{}), make(chan error)
		go func() {
			close(started)
			_, err := s.Read(time.Hour)
			result <- err
		}()
		<-started
		runtime.Gosched() // either order has to work; the rounds see both
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-result; !errors.Is(err, os.ErrClosed) {
			t.Fatalf("got %v, want os.ErrClosed", err)
		}
		if _, err := s.Read(0); !errors.Is(err, os.ErrClosed) {
			t.Fatalf("after Close: got %v, want os.ErrClosed", err)
		}
		if _, err := s.Drops(); !errors.Is(err, os.ErrClosed) {
			t.Fatalf("drops after Close: got %v, want os.ErrClosed", err)
		}
	}
}

func TestDownAndUpAgain(t *testing.T) {
	d := tap.New(t, dot11.LinkRadiotap)
	s := open(t, Options{Interface: d.Name()})
	for i := range uint16(3) {
		frame := under(t, dot11.LinkRadiotap, probe(i))
		send(t, d, frame)
		if rec := hear(t, s); !bytes.Equal(rec.Data, frame) {
			t.Fatalf("round %d: got other bytes", i)
		}
		// A read that waits hears of it as well as one that comes later.
		result := make(chan error, 1)
		if i%2 == 0 {
			go func() { _, err := s.Read(soon); result <- err }()
			d.Down(t)
		} else {
			d.Down(t)
			_, err := s.Read(0)
			result <- err
		}
		if err := <-result; !errors.Is(err, ErrDown) {
			t.Fatalf("round %d: got %v, want ErrDown", i, err)
		}
		if _, err := s.Read(time.Millisecond); !errors.Is(err, ErrTimeout) {
			t.Fatalf("round %d: a second read while down: got %v, want ErrTimeout", i, err)
		}
		if state, err := ReadState(d.Name()); err != nil || state.Up || state.Index != s.Index() {
			t.Fatalf("round %d: got %+v and %v, want a state that is down", i, state, err)
		}
		d.Up(t)
	}
}

func TestOpenWhileDown(t *testing.T) {
	d := tap.New(t, dot11.LinkRadiotap)
	d.Down(t)
	s := open(t, Options{Interface: d.Name()})
	if _, err := s.Read(soon); !errors.Is(err, ErrDown) {
		t.Fatalf("got %v, want ErrDown", err)
	}
	d.Up(t)
	frame := under(t, dot11.LinkRadiotap, probe(1))
	send(t, d, frame)
	if rec := hear(t, s); !bytes.Equal(rec.Data, frame) {
		t.Error("got other bytes")
	}
}

func TestVanished(t *testing.T) {
	for name, downFirst := range map[string]bool{"at once": false, "after it went down": true} {
		t.Run(name, func(t *testing.T) {
			d := tap.New(t, dot11.LinkRadiotap)
			s := open(t, Options{Interface: d.Name()})
			if downFirst {
				d.Down(t)
				if _, err := s.Read(0); !errors.Is(err, ErrDown) {
					t.Fatalf("got %v, want ErrDown", err)
				}
			}
			d.Close()
			for range 3 { // it stays so
				if _, err := s.Read(time.Millisecond); !errors.Is(err, ErrGone) {
					t.Fatalf("got %v, want ErrGone", err)
				}
			}
			if _, err := ReadState(d.Name()); !errors.Is(err, ErrGone) {
				t.Errorf("state: got %v, want ErrGone", err)
			}
			if _, err := Open(Options{Interface: d.Name()}); !errors.Is(err, ErrGone) {
				t.Errorf("open: got %v, want ErrGone", err)
			}
		})
	}
}

func TestAnotherProgramChangesTheType(t *testing.T) {
	d := tap.New(t, dot11.LinkRadiotap)
	s := open(t, Options{Interface: d.Name()})
	d.Down(t)
	if _, err := s.Read(0); !errors.Is(err, ErrDown) {
		t.Fatalf("got %v, want ErrDown", err)
	}
	d.SetType(t, 1)
	d.Up(t)
	send(t, d, under(t, dot11.LinkRadiotap, probe(1)))
	if rec, err := s.Read(soon); !errors.Is(err, ErrNotMonitor) || rec.Data != nil {
		t.Errorf("got %d bytes and %v, want none and ErrNotMonitor", len(rec.Data), err)
	}
}
