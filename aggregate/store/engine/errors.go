package engine

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// ClickHouse's error numbers the front answers with or decides on.
const (
	codeUnknownFunction   = 46
	codeUnknownIdentifier = 47
	codeUnknownTable      = 60
	codeSyntax            = 62
	codeUnknownDatabase   = 81
	codeUnknownSetting    = 115
	codeTooLarge          = 307
	codeBadRequest        = 36
	codeNotSupported      = 48
	codeAuthentication    = 516
	codeOther             = 1002
)

// Error is what the engine says of a query it refused or could not finish.
type Error struct {
	Code int    // ClickHouse's number, 0 where the text has none
	Text string // as the engine wrote it, beginning with "Code: "
}

// Error returns the engine's own text.
func (e *Error) Error() string { return e.Text }

// status is the HTTP status a ClickHouse server gives the error.
func (e *Error) status() int {
	switch e.Code {
	case codeUnknownFunction, codeUnknownIdentifier, codeUnknownTable, codeUnknownDatabase:
		return http.StatusNotFound
	case codeSyntax, codeUnknownSetting, codeBadRequest:
		return http.StatusBadRequest
	case codeTooLarge:
		return http.StatusRequestEntityTooLarge
	case codeNotSupported:
		return http.StatusNotImplemented
	case codeAuthentication:
		return http.StatusUnauthorized
	default:
		return http.StatusInternalServerError
	}
}

var codePattern = regexp.MustCompile(`^Code:\s*(\d+)\.`)

func newError(text string) *Error {
	text = strings.TrimSpace(text)
	e := &Error{Text: text}
	if m := codePattern.FindStringSubmatch(text); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			e.Code = n
		}
	}
	return e
}

// refuse makes an Error of the front's own in the engine's form.
func refuse(code int, text string) *Error {
	return &Error{Code: code, Text: "Code: " + strconv.Itoa(code) + ". DB::Exception: " + text}
}
