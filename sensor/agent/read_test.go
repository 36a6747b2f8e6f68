package agent

import (
	"strings"
	"testing"
)

func TestParseExclude(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       int
		err        string
	}{
		{"nothing", "", 0, ""},
		{"comments and empty lines", "# shop\n\n   \n", 0, ""},
		{"several forms, one address", "00:1b:63:00:00:01\n001B63000001\n00-1b-63-00-00-01\r\n", 1, ""},
		{"no newline at the end", "00:1b:63:00:00:01\n00:1b:63:00:00:02", 2, ""},
		{"a word", "00:1b:63:00:00:01\n\nsecret\n", 0, "line 3 of the addresses to exclude"},
		{"too long", "00:1b:63:00:00:01:02\n", 0, "line 1 of the addresses to exclude"},
		{"a line without end", strings.Repeat("0", 1<<17), 0, "read the addresses to exclude"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := parseExclude(strings.NewReader(row.text))
			if row.err == "" && (err != nil || len(got) != row.want) {
				t.Errorf("got %d addresses and %v, want %d", len(got), err, row.want)
			}
			if row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "1b")) {
				t.Errorf("got %v, want only %q", err, row.err)
			}
		})
	}
	if got, err := parseExclude(nil); got != nil || err != nil {
		t.Errorf("got %v and %v without a file", got, err)
	}
}

func FuzzParseExclude(f *testing.F) {
	f.Add("00:1b:63:00:00:01\n# x\n")
	f.Add("\x00\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseExclude(strings.NewReader(text))
		if (got == nil) == (err == nil) {
			t.Fatalf("got %d addresses and %v", len(got), err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "line ") && !strings.HasPrefix(err.Error(), "read the addresses to exclude: ") {
			t.Errorf("got %q", err)
		}
	})
}
