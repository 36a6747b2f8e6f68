package audit

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestALogThatIsOpenIsChecked: what somebody does to the file while a program writes it is found then, not at its next start.
func TestALogThatIsOpenIsChecked(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 1, 12, 12, 0, 0, 0, time.UTC) }
	tests := []struct {
		name   string
		change func(path string, text []byte) error
		good   bool
	}{
		{"nothing", func(string, []byte) error { return nil }, true},
		{"a changed line", func(path string, text []byte) error {
			return os.WriteFile(path, bytes.Replace(text, []byte(`"2026-`), []byte(`"2025-`), 1), 0o600)
		}, false},
		{"the last line cut off", func(path string, text []byte) error {
			return os.WriteFile(path, text[:bytes.LastIndexByte(text[:len(text)-1], '\n')+1], 0o600)
		}, false},
		{"half a line cut off", func(path string, text []byte) error { return os.Truncate(path, int64(len(text)-9)) }, false},
		{"emptied", func(path string, _ []byte) error { return os.Truncate(path, 0) }, false},
		{"a line added", func(path string, text []byte) error {
			return os.WriteFile(path, append(text, text[:bytes.IndexByte(text, '\n')+1]...), 0o600)
		}, false},
		{"removed", func(path string, _ []byte) error { return os.Remove(path) }, false},
		{"another log in its place", func(path string, _ []byte) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			other, err := Open(path, "other", now)
			if err != nil {
				return err
			}
			return errors.Join(other.Append(Started), other.Append(Started), other.Append(Started), other.Close())
		}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.log")
			l, err := Open(path, "test", now)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if s, err := l.Check(); err != nil || s.Entries != 0 {
				t.Errorf("empty: got %+v, %v", s, err)
			}
			for range 3 {
				if err := l.Append(Started); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := test.change(path, text); err != nil {
				t.Fatal(err)
			}
			got, err := l.Check()
			if (err == nil) != test.good || test.good && got != l.Summary() {
				t.Errorf("got %+v, %v, want it found good: %v", got, err, test.good)
			}
		})
	}
}
