package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// promise is a test named in the README, with the folder it is in.
var promise = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")

func TestEveryTestThatTheREADMENamesExists(t *testing.T) {
	have := map[string][]string{}
	err := filepath.WalkDir(project(t), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == ".cache") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		folder, _ := filepath.Rel(project(t), filepath.Dir(path))
		for _, m := range regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`).FindAllSubmatch(text, -1) {
			have[string(m[1])] = append(have[string(m[1])], filepath.ToSlash(folder))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	readme := readProject(t, "README.md")
	for _, m := range promise.FindAllStringSubmatch(readme, -1) {
		if len(have[m[1]]) == 0 {
			t.Errorf("the README names %s, and there is no such test", m[1])
		}
	}
	rows := 0
	for line := range strings.Lines(section(t, readme, "## What it promises, and what it does not")) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 4 || strings.HasPrefix(cells[1], "---") || strings.TrimSpace(cells[1]) == "promise" {
			continue
		}
		rows++
		names := promise.FindAllStringSubmatch(cells[2], -1)
		_, folder, _ := strings.Cut(cells[2], "` in ")
		if len(names) == 0 {
			t.Errorf("no test beside the promise %q", cells[1])
		}
		for _, n := range names {
			if !slices.Contains(have[n[1]], strings.TrimSpace(folder)) {
				t.Errorf("%s is in %v, the README says %q", n[1], have[n[1]], folder)
			}
		}
	}
	if rows < 10 {
		t.Errorf("got %d promises, want at least 10", rows)
	}
}

// notTrue are words that promise more than the design can hold. Each was found by attacking it on paper.
var notTrue = []string{
	"anonym", "cannot be traced", "untraceable", "no personal data", "takes you out", "your phone is not counted",
	"keys destroyed every day, codes for 24 hours", "is gone", "thousand addresses", "names a phone", "completely private", "GDPR-compliant",
}

func TestTheReferencesMakeNoFalseClaims(t *testing.T) {
	for _, file := range references() {
		text := strings.ToLower(strings.Join(strings.Fields(readProject(t, file)), " "))
		for _, words := range notTrue {
			if strings.Contains(text, strings.ToLower(words)) {
				t.Errorf("%s says %q, which is not so", file, words)
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(?:#([^)]*))?\)`)

func TestLinksOfTheReferencesLeadSomewhere(t *testing.T) {
	for _, file := range references() {
		for _, m := range link.FindAllStringSubmatch(readProject(t, file), -1) {
			target := filepath.Join(filepath.Dir(project(t, file)), m[1])
			text, err := os.ReadFile(target)
			if err != nil && !strings.HasSuffix(m[1], "/") {
				t.Errorf("%s links to %s: %v", file, m[1], err)
			}
			if m[2] != "" && !strings.Contains(strings.ToLower(string(text)), "\n## "+strings.ReplaceAll(m[2], "-", " ")+"\n") {
				t.Errorf("%s links to %s, which has no heading %s", file, m[1], m[2])
			}
		}
	}
	if n := strings.Count(readProject(t, "README.md"), "\n"); n > 250 {
		t.Errorf("the README has %d lines, want at most 250: put references beside what they describe", n)
	}
}
