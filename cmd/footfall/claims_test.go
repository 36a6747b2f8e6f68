package main

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/publish"
	"github.com/openfootfall/footfall/ingest/lifetime"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/agent"
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

// TestTheReferencesStateTheComputedTimes: the figures that README.md and deploy/PRIVACY.md quote of the defaults are those that the notices
// compute, and what was found to be said wrongly there is not said again.
func TestTheReferencesStateTheComputedTimes(t *testing.T) {
	life := lifetime.Of(stores.DefaultSealAfter, agent.DefaultIDAge, lifetime.StoreDay)
	spoken := func(d time.Duration) string {
		return fmt.Sprintf("%d hours and %d minutes", d/time.Hour, d%time.Hour/time.Minute)
	}
	returns := fmt.Sprintf("about %d days", lifetime.Returns(stores.DefaultSealAfter, lifetime.StoreDay)/(24*time.Hour))
	for file, want := range map[string][]string{
		"README.md": {
			spoken(life.Longest) + " at most, by default", spoken(life.Longest) + " by default", returns,
			"a rounded count under 10 is not shown", "it has no key, so note the head elsewhere",
		},
		"deploy/PRIVACY.md": {
			spoken(life.Longest) + " by default (" + strings.NewReplacer(" hours", "", " minutes", "").Replace(spoken(life.Online)) + " from a sensor that was online",
			returns,
			"A rounded count under 10 is not shown", "whoever rewrites its end",
			fmt.Sprintf("deleted after about %d hours", int(lifetime.Counters.Round(time.Hour)/time.Hour)),
			"by at most e^E to 1", fmt.Sprintf("%.1f at the default `return_epsilon`, %.1f at 3", math.Exp(stores.DefaultReturnEpsilon), math.Exp(3)),
		},
	} {
		text := strings.Join(strings.Fields(readProject(t, file)), " ")
		for _, words := range want {
			if !strings.Contains(text, words) {
				t.Errorf("%s does not say %q", file, words)
			}
		}
		for _, words := range []string{"bout a day", "during that day", "7 to 1", "and it is not stored", "Wi-Fi off stops"} {
			if strings.Contains(text, words) {
				t.Errorf("%s says %q, which is not so", file, words)
			}
		}
	}
}
