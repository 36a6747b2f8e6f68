package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTheServiceHoldsTheOptOutKeyAndNoOther looks at all that the opt-out service is made of: what it names of package keys can
// make tags, and can compute no id.
func TestTheServiceHoldsTheOptOutKeyAndNoOther(t *testing.T) {
	allowed := []string{"Tagger", "OptOutKey", "LoadOptOutKey", "HardenProcess", "Periods", "Weeks", "TagBits"}
	var files []string
	err := filepath.WalkDir(project(t, "sensor", "optout"), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	own, err := filepath.Glob(project(t, "cmd", "footfall", "optout*.go"))
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, slices.DeleteFunc(own, func(f string) bool { return strings.HasSuffix(f, "_test.go") })...)
	used := map[string]bool{}
	for _, file := range files {
		for _, name := range namesOfKeys(t, file) {
			used[name] = true
			if !slices.Contains(allowed, name) {
				t.Errorf("%s uses keys.%s", file, name)
			}
		}
	}
	if len(files) < 20 || !used["Tagger"] || !used["LoadOptOutKey"] {
		t.Errorf("got %d files and the names %v: the test looks at the wrong place", len(files), used)
	}
}

// namesOfKeys are the names of package keys in a file.
func namesOfKeys(t *testing.T, file string) []string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	local := ""
	for _, i := range tree.Imports {
		switch path := strings.Trim(i.Path.Value, `"`); {
		case path == "github.com/openfootfall/footfall/sensor/keys" && i.Name == nil:
			local = "keys"
		case strings.HasPrefix(path, "github.com/openfootfall/footfall/sensor/keys"):
			t.Errorf("%s imports %s under another name, or a part of it", file, path)
		}
	}
	var names []string
	ast.Inspect(tree, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == local && local != "" {
				names = append(names, s.Sel.Name)
			}
		}
		return true
	})
	return names
}

var fromTable = regexp.MustCompile(`(?i)\b(?:from|join)\s+([a-z_0-9.]+)`)

func TestTheReportReadsPublishedTablesOnly(t *testing.T) {
	text := readProject(t, "cmd/footfall/report.go")
	tables := fromTable.FindAllStringSubmatch(text, -1)
	read := 0
	for _, m := range tables {
		if strings.Contains(text, `"SELECT`) && strings.HasPrefix(m[1], "pub_") {
			read++
			continue
		}
		if regexp.MustCompile(`"SELECT[^"]*` + regexp.QuoteMeta(m[0])).MatchString(text) {
			t.Errorf("the report reads %s", m[1])
		}
	}
	if read < 2 {
		t.Errorf("got %d reads of published tables: the test looks at the wrong place", read)
	}
}
