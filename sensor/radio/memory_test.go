package radio

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRadioFileIsRememberedAndForgotten(t *testing.T) {
	dir := t.TempDir()
	if _, found, err := recall(dir); found || err != nil {
		t.Fatalf("before: got %v, %v, want nothing", found, err)
	}
	want := before{Interface: "wlan1", Phy: 3, Type: "managed", Up: true}
	for _, b := range []before{{Interface: "wlan9", Type: "AP"}, want} { // the second replaces the first
		if err := remember(dir, b); err != nil {
			t.Fatal(err)
		}
	}
	got, found, err := recall(dir)
	if err != nil || !found || got != want {
		t.Errorf("got %+v, %v, %v, want %+v", got, found, err, want)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("files: got %v, %v, want one", entries, err)
	}
	if info, err := os.Stat(filepath.Join(dir, memoryFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %v, %v, want 0600", info.Mode(), err)
	}
	for range 2 { // forgetting twice is no error
		if err := forget(dir); err != nil {
			t.Fatal(err)
		}
	}
	if _, found, err := recall(dir); found || err != nil {
		t.Errorf("after: got %v, %v, want nothing", found, err)
	}
}

func TestWithoutAStateFolderNothingIsWritten(t *testing.T) {
	if err := remember("", before{Interface: "wlan1", Type: "managed"}); err != nil {
		t.Error(err)
	}
	if _, found, err := recall(""); found || err != nil {
		t.Errorf("got %v, %v, want nothing", found, err)
	}
	if err := forget(""); err != nil {
		t.Error(err)
	}
}

func TestADamagedRadioFileIsSaid(t *testing.T) {
	for _, test := range []struct{ name, text string }{
		{"empty", ""},
		{"no JSON", "managed"},
		{"cut", `{"interface":"wlan1","ty`},
		{"a type that is not known", `{"interface":"wlan1","type":"toaster"}`},
		{"no type", `{"interface":"wlan1"}`},
		{"no interface", `{"type":"managed"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, memoryFile), []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if b, found, err := recall(dir); err == nil || found {
				t.Errorf("got %+v, want an error", b)
			}
		})
	}
}

func TestAMissingStateFolderIsSaid(t *testing.T) {
	err := remember(filepath.Join(t.TempDir(), "nowhere"), before{Interface: "wlan1", Type: "managed"})
	if err == nil || !strings.Contains(err.Error(), "must exist") {
		t.Errorf("got %v, want what to do", err)
	}
}

func TestTypesGoThereAndBack(t *testing.T) {
	for n := range uint32(20) {
		name, ok := typeName(n)
		if !ok {
			continue
		}
		if got, ok := (before{Type: name}).typeNumber(); !ok || got != n {
			t.Errorf("%s: got %d, want %d", name, got, n)
		}
	}
	if _, ok := (before{Type: ""}).typeNumber(); ok {
		t.Error("no type: got a number, want none")
	}
}
