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

// promise is a test named in a text.
var promise = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")

func TestEveryPromiseHasItsTest(t *testing.T) {
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
	for _, file := range []string{"README.md", "deploy/PRIVACY.md"} {
		for _, m := range promise.FindAllStringSubmatch(readProject(t, file), -1) {
			if len(have[m[1]]) == 0 {
				t.Errorf("%s names %s, and there is no such test", file, m[1])
			}
		}
	}
	covered := map[string]int{}
	for line := range strings.Lines(readProject(t, "deploy/PRIVACY.md")) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 || strings.HasPrefix(cells[1], "---") || strings.TrimSpace(cells[1]) == "what" {
			continue
		}
		covered[strings.TrimSpace(cells[1])]++
		if len(strings.Fields(cells[2])) < 5 || strings.TrimSpace(cells[4]) == "" {
			t.Errorf("the promise %q is no sentence, or does not say what it does not protect against", cells[2])
		}
		checkProof(t, cells[2], cells[3], have)
	}
	for _, what := range mustPromise {
		if covered[what] == 0 {
			t.Errorf("nothing is promised about %s", what)
		}
	}
}

// mustPromise is what deploy/PRIVACY.md has to cover at least.
var mustPromise = []string{
	"address containment", "SSIDs dropped", "passers-by as counters", "closed hours", "fail closed", "spool age", "forward secrecy of keys",
	"unlinkability over stores and days", "no return bucket for random addresses", "registry content", "lookup without oracle",
	"opt-out latency", "erasure", "retention", "published tables only", "suppression", "return filters: bound, one state",
	"return filters: weeks only", "notice truth", "audit integrity", "several policies at once",
}

// proof is one or more tests and the folder they are in.
var proof = regexp.MustCompile("((?:`Test[A-Za-z0-9]+`(?:, )?)+) in ([a-z0-9/-]+)")

// checkProof finds the tests beside a promise in the folders that are named.
func checkProof(t *testing.T, promised, cell string, have map[string][]string) {
	t.Helper()
	found := 0
	for _, m := range proof.FindAllStringSubmatch(cell, -1) {
		for _, name := range promise.FindAllStringSubmatch(m[1], -1) {
			found++
			if !slices.Contains(have[name[1]], m[2]) {
				t.Errorf("%s is in %v, the table says %q", name[1], have[name[1]], m[2])
			}
		}
	}
	if found == 0 || found != len(promise.FindAllString(cell, -1)) {
		t.Errorf("no test, or one without its folder, beside the promise %q", promised)
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
			if m[2] != "" && !strings.Contains(strings.ToLower(strings.ReplaceAll(string(text), "-", " ")), "\n## "+strings.ReplaceAll(m[2], "-", " ")+"\n") {
				t.Errorf("%s links to %s, which has no heading %s", file, m[1], m[2])
			}
		}
	}
	if n := strings.Count(readProject(t, "README.md"), "\n"); n > 250 {
		t.Errorf("the README has %d lines, want at most 250: put references beside what they describe", n)
	}
}
