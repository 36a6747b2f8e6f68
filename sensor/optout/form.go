package optout

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
)

// maxBody bounds a form, in bytes. An address, a receipt and a proof are some hundred.
const maxBody = 4 << 10

var (
	errBody     = errors.New("the request is no form that these pages send")
	errTooLarge = errors.New("the request is larger than any form that these pages send")
)

// form is what somebody sent. Its values lie in one buffer, which wipe overwrites: neither they nor their names were made
// strings, which Go cannot overwrite. (What net/http read from the connection stays in its own buffer until the next request
// overwrites it.)
type form struct {
	raw                                    []byte
	address, receipt, proof, confirm, desk []byte
}

// readForm reads the body of a POST request. The error is errBody or errTooLarge.
func readForm(r *http.Request) (*form, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, errBody
	}
	raw := make([]byte, maxBody+1)
	n, err := io.ReadFull(r.Body, raw)
	switch {
	case err == nil:
		clear(raw)
		return nil, errTooLarge
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		clear(raw)
		return nil, errBody
	}
	f, ok := parseForm(raw[:n])
	if !ok {
		clear(raw)
		return nil, errBody
	}
	return f, nil
}

// parseForm takes a form's body apart, in place. Fields it does not know are passed over; one that comes twice is refused, as is
// an escape that is none.
func parseForm(raw []byte) (*form, bool) {
	f := &form{raw: raw}
	seen := map[*[]byte]bool{}
	for rest := raw; len(rest) > 0; {
		var pair []byte
		pair, rest, _ = bytes.Cut(rest, []byte("&"))
		name, value, _ := bytes.Cut(pair, []byte("="))
		into := f.field(name)
		if into == nil {
			continue
		}
		value, ok := unescape(value)
		if !ok || seen[into] {
			return nil, false
		}
		*into, seen[into] = value, true
	}
	return f, true
}

func (f *form) field(name []byte) *[]byte {
	switch string(name) { // the compiler makes no string of it
	case "address":
		return &f.address
	case "receipt":
		return &f.receipt
	case "proof":
		return &f.proof
	case "confirm":
		return &f.confirm
	case "desk":
		return &f.desk
	}
	return nil
}

// unescape undoes the encoding of a form's value in place: it only gets shorter.
func unescape(value []byte) ([]byte, bool) {
	out := value[:0]
	for i := 0; i < len(value); i++ {
		switch c := value[i]; c {
		case '+':
			out = append(out, ' ')
		case '%':
			if i+2 >= len(value) {
				return nil, false
			}
			high, ok := hexDigit(rune(value[i+1]))
			low, ok2 := hexDigit(rune(value[i+2]))
			if !ok || !ok2 {
				return nil, false
			}
			out = append(out, high<<4|low)
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out, true
}

func (f *form) confirmed() bool { return string(f.confirm) == "1" }

func (f *form) atDesk() bool { return string(f.desk) == "1" }

// wipe overwrites everything that was sent.
func (f *form) wipe() {
	if f != nil {
		clear(f.raw)
	}
}
