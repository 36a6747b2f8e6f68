package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/openfootfall/footfall/aggregate/publish"
	"github.com/openfootfall/footfall/sensor/optout/notice"
)

// shopperFacing are the files whose words shoppers read, from the project's root.
func shopperFacing(t *testing.T) []string {
	t.Helper()
	kinds := []string{".yaml", ".html", ".txt", ".js", ".css", ".svg"}
	var files []string
	err := filepath.WalkDir(project(t, "sensor", "optout"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "testdata" { // what fuzzing found
			return fs.SkipDir
		}
		if slices.Contains(kinds, filepath.Ext(path)) {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	promises := project(t, "deploy", "PRIVACY.md")
	if _, err := os.Stat(promises); err == nil {
		files = append(files, promises)
	}
	return files
}

func TestShopperFacingTextMakesNoFalseClaims(t *testing.T) {
	files := shopperFacing(t)
	if len(files) < 2 {
		t.Fatalf("got only the files %v, want at least those of two languages", files)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range notice.Forbidden(string(text)) {
			t.Errorf("%s says %q, but %s", file, p.Text, p.Why)
		}
	}
}

// TestTheListsOfFalseClaimsAgree holds the list for the references against the one for shoppers: what may not be said to
// operators may not be said to shoppers.
func TestTheListsOfFalseClaimsAgree(t *testing.T) {
	for _, words := range notTrue {
		if len(notice.Forbidden(words)) == 0 {
			t.Errorf("%q may not stand in the references, and may in what shoppers read", words)
		}
	}
}

// TestTheNoticeRoundsAsThePublisherDoes holds what the notice says of published counts against the package that publishes them,
// which the notice's cannot import.
func TestTheNoticeRoundsAsThePublisherDoes(t *testing.T) {
	if notice.RoundedTo != publish.Base || notice.HiddenUnder != publish.Least {
		t.Errorf("got %d and %d, want %d and %d", notice.RoundedTo, notice.HiddenUnder, publish.Base, publish.Least)
	}
}
