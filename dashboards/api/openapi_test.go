package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/dashboards/page"
	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/dashboards/tokens"
)

// description is the parts of an OpenAPI document that these tests look at.
type description struct {
	OpenAPI string
	Info    struct{ Title, Version string }
	Paths   map[string]map[string]operation
	Parts   struct {
		Schemas         map[string]schema
		Responses       map[string]response
		SecuritySchemes map[string]struct{ Type, Scheme string }
	} `json:"components"`
}

type operation struct {
	OperationID string
	Parameters  []struct {
		Name, In, Description string
		Required              bool
		Schema                map[string]any
	}
	Responses map[string]response
	Security  *[]map[string][]string
}

type response struct {
	Ref         string `json:"$ref"`
	Description string
	Content     map[string]struct{ Schema map[string]any }
}

type schema struct {
	Properties map[string]map[string]any
	Required   []string
}

func described(t *testing.T, r *rig) (description, []byte) {
	t.Helper()
	w := r.get("", Prefix+"openapi.json") // it wants no token
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	var d description
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return d, w.Body.Bytes()
}

// Every route, parameter and column of the code is described, and nothing else.
func TestTheDescriptionIsTheCode(t *testing.T) {
	r := newRig(t)
	d, _ := described(t, r)
	var got, want []string
	for path, operations := range d.Paths {
		for method, op := range operations {
			for _, p := range op.Parameters {
				got = append(got, path+" "+method+" "+p.In+" "+p.Name)
			}
			got = append(got, path+" "+method)
		}
	}
	for _, route := range routes() {
		paths := map[string][]string{route.path: nil}
		switch route.name {
		case "table":
			delete(paths, route.path)
			for _, table := range r.api.tables {
				rule, _ := ruleOf(table.Name)
				paths[Prefix+"tables/"+table.Name] = rule.parameters()
			}
		case "panel":
			paths[route.path] = panelParameters()
			want = append(want, route.path+" get path panel")
		}
		for path, parameters := range paths {
			want = append(want, path+" get")
			for _, p := range parameters {
				want = append(want, path+" get query "+p)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "pub_secret") }) {
		t.Error("a table without a rule is described")
	}
	for _, table := range r.api.tables {
		var columns []string
		for _, c := range table.Columns {
			columns = append(columns, c.Name)
			if about := d.Parts.Schemas["row_of_"+table.Name].Properties[c.Name]["description"]; about != c.Comment {
				t.Errorf("%s.%s is described as %v, want %s", table.Name, c.Name, about, c.Comment)
			}
		}
		slices.Sort(columns)
		if got := d.Parts.Schemas["row_of_"+table.Name].Required; !slices.Equal(got, columns) {
			t.Errorf("%s: got columns %v, want %v", table.Name, got, columns)
		}
	}
}

// Every parameter that is described is taken, and no other: the handlers are asked, not the lists that the description is made of.
func TestTheHandlersTakeWhatIsDescribed(t *testing.T) {
	r := newRig(t)
	d, _ := described(t, r)
	values := map[string]string{"store": "quay", "from": "2026-03-02", "to": "2026-03-03", "range": "7d", "format": "csv", "limit": "10"}
	all := append([]string{"cursor", "token", "offset", "select"}, keysOf(values)...)
	for path, operations := range d.Paths {
		path = strings.Replace(path, "{panel}", "daily", 1)
		var known []string
		q := url.Values{}
		for _, p := range operations["get"].Parameters {
			if p.In != "query" {
				continue
			}
			known = append(known, p.Name)
			if v := values[p.Name]; v != "" && p.Name != "range" {
				q.Set(p.Name, v)
			}
		}
		if w := r.get("office", path+"?"+q.Encode()); w.Code != http.StatusOK {
			t.Errorf("%s with all parameters: got %d %s", path, w.Code, w.Body)
		}
		for _, name := range all {
			with := url.Values{"from": q["from"], "to": q["to"], "store": q["store"]}
			for k, v := range with {
				if len(v) == 0 {
					delete(with, k)
				}
			}
			with.Set(name, "x")
			w := r.get("office", path+"?"+with.Encode())
			if refused := strings.Contains(w.Body.String(), "no such parameter"); name != "token" && refused == slices.Contains(known, name) {
				t.Errorf("%s: the parameter %s is described: %v, and refused: %v", path, name, !refused, refused)
			}
		}
	}
}

func keysOf(m map[string]string) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// The schemas have the members of the Go types that are sent.
func TestTheSchemasAreTheAnswers(t *testing.T) {
	d, _ := described(t, newRig(t))
	for name, of := range map[string]any{"Problem": tokens.Problem{}, "Store": page.StoreInfo{}, "Panel": page.PanelInfo{}, "PanelRows": page.PanelAnswer{}, "Table": tableInfo{}} {
		var got, want []string
		for property := range d.Parts.Schemas[name].Properties {
			got = append(got, property)
		}
		for f := range reflect.TypeOf(of).Fields() {
			tag, option, _ := strings.Cut(f.Tag.Get("json"), ",")
			want = append(want, tag)
			if optional := option == "omitempty"; optional == slices.Contains(d.Parts.Schemas[name].Required, tag) {
				t.Errorf("%s: %s is required: %v", name, tag, !optional)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// Rows are as their schemas say.
func TestRowsFitTheirSchemas(t *testing.T) {
	r := newRig(t)
	d, _ := described(t, r)
	r.fake.answer = func(string) (panels.Table, error) { return days(4), nil }
	var answer struct{ Rows []map[string]any }
	if err := json.Unmarshal(r.get("office", march).Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	rows := d.Parts.Schemas["row_of_pub_store_day"]
	for _, row := range answer.Rows {
		for name, v := range row {
			if !fits(rows.Properties[name]["type"], v) {
				t.Errorf("%s is %v, which is no %v", name, v, rows.Properties[name]["type"])
			}
		}
		if len(row) != len(rows.Required) {
			t.Errorf("got %d members, want %d", len(row), len(rows.Required))
		}
	}
}

func fits(kind, v any) bool {
	if list, ok := kind.([]any); ok {
		return slices.ContainsFunc(list, func(one any) bool { return fits(one, v) })
	}
	switch v := v.(type) {
	case nil:
		return kind == "null"
	case string:
		return kind == "string"
	case bool:
		return kind == "boolean"
	case float64:
		return kind == "number" || kind == "integer" && v == float64(int64(v))
	case map[string]any:
		return kind == "object"
	}
	return false
}

// checkOpenAPI holds a document against the structure of OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0), as far as it goes here.
func checkOpenAPI(raw []byte) (wrong []string) {
	var d description
	var all any
	if err := json.Unmarshal(raw, &d); err != nil {
		return []string{err.Error()}
	}
	_ = json.Unmarshal(raw, &all) // it was read already
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !regexp.MustCompile(`^3\.1\.\d+$`).MatchString(d.OpenAPI) || d.Info.Title == "" || d.Info.Version == "" {
		say("the head is %q, %+v", d.OpenAPI, d.Info)
	}
	ids := map[string]bool{}
	for path, operations := range d.Paths {
		if !strings.HasPrefix(path, "/") {
			say("the path %s", path)
		}
		for method, op := range operations {
			if !slices.Contains([]string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}, method) {
				say("%s: the method %s", path, method)
			}
			if op.OperationID == "" || ids[op.OperationID] {
				say("%s: the operationId %q is there twice, or empty", path, op.OperationID)
			}
			ids[op.OperationID] = true
			if len(op.Responses) == 0 {
				say("%s: no responses", path)
			}
			for status, r := range op.Responses {
				if !regexp.MustCompile(`^[1-5]\d\d$`).MatchString(status) || r.Ref == "" && r.Description == "" {
					say("%s: the response %s", path, status)
				}
			}
			names := map[string]bool{}
			for _, p := range op.Parameters {
				if p.Name == "" || !slices.Contains([]string{"query", "path", "header", "cookie"}, p.In) || p.Schema == nil || names[p.In+p.Name] {
					say("%s: the parameter %q in %q", path, p.Name, p.In)
				}
				names[p.In+p.Name] = true
				if p.In == "path" && (!p.Required || !strings.Contains(path, "{"+p.Name+"}")) {
					say("%s: the parameter %s of the path", path, p.Name)
				}
			}
			for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
				if !names["path"+m[1]] {
					say("%s: nothing says what %s is", path, m[1])
				}
			}
			if op.Security != nil {
				for _, s := range *op.Security {
					for name := range s {
						if _, ok := d.Parts.SecuritySchemes[name]; !ok {
							say("%s: the security scheme %s", path, name)
						}
					}
				}
			}
		}
	}
	for name, r := range d.Parts.Responses {
		if r.Description == "" {
			say("the response %s has no description", name)
		}
	}
	checkSchemas(all, "", all, say)
	return wrong
}

// checkSchemas walks through the whole document: references lead somewhere, types and formats are such.
func checkSchemas(root any, at string, node any, say func(string, ...any)) {
	switch n := node.(type) {
	case []any:
		for i, v := range n {
			checkSchemas(root, fmt.Sprintf("%s/%d", at, i), v, say)
		}
	case map[string]any:
		if to, ok := n["$ref"].(string); ok {
			target := root
			for part := range strings.SplitSeq(strings.TrimPrefix(to, "#/"), "/") {
				m, _ := target.(map[string]any)
				target = m[part]
			}
			if target == nil || len(n) > 1 && strings.Contains(to, "/responses/") {
				say("%s: %s leads nowhere", at, to)
			}
		}
		if strings.HasSuffix(at, "/schema") || strings.Contains(at, "/properties/") {
			kinds, ok := n["type"].([]any)
			if !ok && n["type"] != nil {
				kinds = []any{n["type"]}
			}
			for _, k := range kinds {
				if !slices.Contains([]any{"string", "number", "integer", "boolean", "object", "array", "null"}, k) {
					say("%s: the type %v", at, k)
				}
			}
			if slices.Contains(kinds, any("array")) && n["items"] == nil {
				say("%s: a list of nothing", at)
			}
		}
		for k, v := range n {
			checkSchemas(root, at+"/"+k, v, say)
		}
	}
}

func TestTheDescriptionIsOpenAPI(t *testing.T) {
	_, raw := described(t, newRig(t))
	if wrong := checkOpenAPI(raw); len(wrong) > 0 {
		t.Errorf("%s", strings.Join(wrong, "\n"))
	}
	for _, c := range []struct{ name, old, new string }{
		{"another version", `"openapi": "3.1.0"`, `"openapi": "2.0"`}, {"no title", `"title": "Footfall: published numbers of stores"`, `"title": ""`},
		{"a reference to nothing", "#/components/schemas/Problem", "#/components/schemas/Trouble"}, {"a type that is none", `"type": "integer"`, `"type": "int"`},
		{"an operation twice", `"operationId": "stores"`, `"operationId": "tables"`}, {"a path without what it names", "panels/{panel}", "panels/{which}"},
		{"a method that is none", `"get": {`, `"fetch": {`}, {"a parameter nowhere", `"in": "query"`, `"in": "body"`}, {"a list of nothing", `"items": {`, `"things": {`},
		{"a status that is none", `"404": {`, `"oops": {`},
	} {
		if broken := strings.ReplaceAll(string(raw), c.old, c.new); broken == string(raw) || len(checkOpenAPI([]byte(broken))) == 0 {
			t.Errorf("%s: it is not found", c.name)
		}
	}
}
