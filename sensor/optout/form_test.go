package optout

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func formRequest(body, kind string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/en/register", strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	return r
}

func TestReadForm(t *testing.T) {
	const kind = "application/x-www-form-urlencoded"
	for _, row := range []struct {
		name, body, kind string
		want             error
		address, receipt string
	}{
		{"an address", "address=00%3A00%3a5e", kind, nil, "00:00:5e", ""},
		{"a plus is a space", "address=00+00&receipt=A-B", kind, nil, "00 00", "A-B"},
		{"with a character set", "address=0", kind + "; charset=UTF-8", nil, "0", ""},
		{"fields it does not know", "a=1&address=0&%zz=%zz&b", kind, nil, "0", ""},
		{"a field without a value", "address", kind, nil, "", ""},
		{"nothing", "", kind, nil, "", ""},
		{"only ampersands", "&&&", kind, nil, "", ""},
		{"an equals sign in a value", "address=a=b", kind, nil, "a=b", ""},
		{"the largest", "address=" + strings.Repeat("a", maxBody-8), kind, nil, strings.Repeat("a", maxBody-8), ""},
		{"a byte larger", "address=" + strings.Repeat("a", maxBody-7), kind, errTooLarge, "", ""},
		{"twice the same", "address=0&address=1", kind, errBody, "", ""},
		{"half an escape", "address=%4", kind, errBody, "", ""},
		{"no escape", "address=%zz", kind, errBody, "", ""},
		{"JSON", `{"address":"0"}`, "application/json", errBody, "", ""},
		{"no type", "address=0", "", errBody, "", ""},
		{"a file upload", "address=0", "multipart/form-data; boundary=x", errBody, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			f, err := readForm(formRequest(row.body, row.kind))
			if !errors.Is(err, row.want) {
				t.Fatalf("got %v, want %v", err, row.want)
			}
			if err == nil && (string(f.address) != row.address || string(f.receipt) != row.receipt) {
				t.Errorf("got %q and %q, want %q and %q", f.address, f.receipt, row.address, row.receipt)
			}
		})
	}
}

func TestReadFormThatBreaksOff(t *testing.T) {
	r := formRequest("", "application/x-www-form-urlencoded")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("address=0"), brokenReader{}))
	if _, err := readForm(r); !errors.Is(err, errBody) {
		t.Errorf("got %v, want errBody", err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestAFormIsOverwritten: after wipe no byte of what was sent is in the form's memory.
func TestAFormIsOverwritten(t *testing.T) {
	f, err := readForm(formRequest("receipt=ABCDE&address=00%3A00%3A5e", "application/x-www-form-urlencoded"))
	if err != nil {
		t.Fatal(err)
	}
	raw, address := f.raw, f.address
	f.wipe()
	if !bytes.Equal(raw, make([]byte, len(raw))) || !bytes.Equal(address, make([]byte, len(address))) {
		t.Error("something of a form is left, want zeros")
	}
	(*form)(nil).wipe()
}

// FuzzParseForm: it never panics, takes what browsers send, and reads it as the standard library does.
func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{"address=00%3A00&receipt=A+B&confirm=1&desk=1&proof=x:1", "address", "&=&", "address=%", "address=1&address=2", "a%64dress=1", "\xff=\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		want, err := url.ParseQuery(string(raw))
		got, ok := parseForm(slices.Clone(raw))
		if !ok {
			return
		}
		if got == nil {
			t.Fatal("got no form and no complaint")
		}
		// The library undoes escapes in names too, and refuses semicolons; otherwise both read the same.
		if err == nil && !bytes.ContainsAny(raw, "%;") && string(got.address) != want.Get("address") {
			t.Errorf("got address %q, want %q", got.address, want.Get("address"))
		}
	})
}
