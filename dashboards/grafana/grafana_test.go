package grafana

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/dashboards/panels"
)

var update = flag.Bool("update", false, "write the dashboards anew")

func TestTheCommittedDashboardsAreWhatThePanelsMake(t *testing.T) {
	for _, d := range panels.Dashboards() {
		t.Run(string(d), func(t *testing.T) {
			want, err := JSON(d)
			if err != nil {
				t.Fatal(err)
			}
			file := string(d) + ".json"
			if *update {
				if err := os.WriteFile(file, want, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is not what the panels make: run go test ./dashboards/grafana -update", file)
			}
		})
	}
	if _, err := JSON("weather"); err == nil {
		t.Error("a dashboard that nobody described was made")
	}
}

// typesVersion asks for the package with Grafana's types, which is Python's, of the licence Apache-2.0: another version has the types of
// another Grafana. pip install 'grafana-foundation-sdk==1769699379!11.6.0', as .ci/run does.
const typesVersion = `import importlib.metadata as m; assert m.version("grafana_foundation_sdk") == "1769699379!11.6.0"`

func TestTheDashboardsAreOfGrafanasSchema(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.CommandContext(t.Context(), python, "-c", typesVersion).Run()
	}
	if err != nil {
		t.Skipf("skipped: no python3 with the package grafana-foundation-sdk of Grafana 11.6.0: %v", err)
	}
	for _, d := range panels.Dashboards() {
		text, err := JSON(d)
		if err != nil {
			t.Fatal(err)
		}
		check := exec.CommandContext(t.Context(), python, "testdata/schema.py")
		check.Stdin = bytes.NewReader(text)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", d, err, out)
		}
	}
	wrong := exec.CommandContext(t.Context(), python, "testdata/schema.py")
	wrong.Stdin = strings.NewReader(`{"uid": "a", "graphTooltip": "much", "colour": "red", "panels": []}`)
	out, err := wrong.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "colour") || !strings.Contains(string(out), "much") {
		t.Errorf("a dashboard that is wrong passed: %v\n%s", err, out)
	}
}

// read decodes a committed dashboard; what the types do not have is an error.
func read(t *testing.T, d panels.Dashboard) dashboard {
	t.Helper()
	text, err := os.ReadFile(string(d) + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var out dashboard
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryPanelIsThereAndSaysWhatItMeans(t *testing.T) {
	for _, d := range panels.Dashboards() {
		got := read(t, d)
		names := []string{}
		for _, v := range got.Templating.List {
			names = append(names, v.Name)
			if v.Label == "" || v.Description == "" {
				t.Errorf("%s: the variable %s does not say what it is", d, v.Name)
			}
		}
		want := []string{"datasource", "region", "store"}
		if d == panels.Store {
			want = []string{"datasource", "store"}
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: got variables %v, want %v", d, names, want)
		}
		if got.UID != "footfall-"+string(d) || got.Timezone == "" {
			t.Errorf("%s: got UID %q, time zone %q", d, got.UID, got.Timezone)
		}
		if list := got.Annotations.List; len(list) != 1 || !list[0].Enable || list[0].Target.RawSQL != panels.Annotations() || list[0].Datasource.UID != "${datasource}" {
			t.Errorf("%s: got annotations %+v", d, list)
		}
		all := panels.Of(d)
		if len(got.Panels) != len(all) {
			t.Fatalf("%s: got %d panels, want %d", d, len(got.Panels), len(all))
		}
		for i, p := range all {
			t.Run(p.ID, func(t *testing.T) { checkPanel(t, got.Panels[i], p) })
		}
	}
}

func checkPanel(t *testing.T, got panel, p panels.Panel) {
	t.Helper()
	if !strings.HasPrefix(got.Title, p.Title) || !strings.Contains(got.Description, p.Question) || !strings.Contains(got.Description, p.Empty) {
		t.Errorf("title %q, description %q", got.Title, got.Description)
	}
	if got.FieldConfig.Defaults.NoValue == "" {
		t.Error("nothing is said where there is nothing")
	}
	if len(got.Targets) != 1 || !strings.Contains(got.Targets[0].RawSQL, p.SQL) || got.Targets[0].Datasource.Type != datasourceType || got.Targets[0].Format != 1 {
		t.Errorf("got targets %+v", got.Targets)
	}
	if len(got.FieldConfig.Overrides) < len(p.Columns) {
		t.Fatalf("got %d overrides, want one for each of %d columns", len(got.FieldConfig.Overrides), len(p.Columns))
	}
	last := got.FieldConfig.Overrides[len(got.FieldConfig.Overrides)-1]
	for i, c := range p.Columns {
		o := got.FieldConfig.Overrides[i]
		if o.Matcher.Options != c.Name || o.Properties[0].ID != "displayName" {
			t.Errorf("got %+v for the column %s", o, c.Name)
		}
		has := func(id string) bool {
			return slices.ContainsFunc(o.Properties, func(p property) bool { return p.ID == id })
		}
		if c.Unit != panels.None && !has("unit") {
			t.Errorf("%s has no unit", c.Name)
		}
		if c.Role == panels.State && (last.Matcher.ID != "byType" || last.Properties[0].ID != "mappings") {
			t.Errorf("the states of %s are not in words", c.Of)
		}
		if wants := !ranged(p, c.Name) && slices.ContainsFunc(p.Thresholds, func(h panels.Threshold) bool { return h.Column == c.Name }); wants != has("thresholds") {
			t.Errorf("thresholds of %s: got %v, want %v", c.Name, has("thresholds"), wants)
		}
	}
	if region := strings.Contains(p.SQL, "${region:"); region && p.Chart == panels.Line && (got.Repeat != "region" || !strings.HasSuffix(got.Title, "${region:text}")) {
		t.Errorf("got %q repeated by %q, want a chart a region", got.Title, got.Repeat)
	}
	if p.Chart == panels.Band && got.Repeat == "" {
		t.Error("the bands of several stores would cover each other")
	}
}

// A stat panel and a matrix have one field a cell: its number, or the word that says why there is none.
func TestSingleNumbersSayWhyTheyAreMissing(t *testing.T) {
	want := map[string]string{"-1000": "–", "-1001": "under 10", "-1002": "quiet", "-1003": "closed", "-1004": "no data", "-1005": "not available: policy"}
	checked := 0
	for _, d := range panels.Dashboards() {
		got := read(t, d)
		for i, p := range panels.Of(d) {
			drawn := got.Panels[i]
			if p.Chart != panels.Stat && p.Chart != panels.Heatmap {
				if drawn.Targets[0].RawSQL != p.SQL {
					t.Errorf("%s has its states beside its numbers, and yet got %s", p.ID, drawn.Targets[0].RawSQL)
				}
				continue
			}
			for j, c := range p.Columns {
				state, ok := p.StateOf(c.Name)
				if c.Role != panels.Value || !ok {
					continue
				}
				checked++
				if sql := drawn.Targets[0].RawSQL; !strings.Contains(sql, "indexOf(['under_10', 'quiet', 'closed', 'no_data', 'policy'], "+state.Name+"))) AS "+c.Name) {
					t.Errorf("%s: %s has no code where it is missing: %s", p.ID, c.Name, sql)
				}
				colour, mappings := "transparent", drawn.FieldConfig.Defaults.Mappings // the matrix names its columns by their values
				if p.Chart == panels.Stat {
					colour, mappings = "text", mappingsOf(t, drawn.FieldConfig.Overrides[j])
				} else if least := drawn.FieldConfig.Defaults.Min; least == nil || *least != 0 {
					t.Errorf("%s: got colours from %v on, want from 0", p.ID, least)
				}
				if len(mappings) != 1 || len(mappings[0].Options) != len(want) || mappings[0].Type != "value" {
					t.Fatalf("%s: got mappings %+v of %s, want one a code", p.ID, mappings, c.Name)
				}
				for code, text := range want {
					if m := mappings[0].Options[code]; m.Text != text || m.Color != colour {
						t.Errorf("%s: %s: got %+v for %s, want %q in %s", p.ID, c.Name, m, code, text, colour)
					}
				}
			}
		}
	}
	if checked < 5 {
		t.Errorf("got %d numbers, want those of three stat panels and a heat map", checked)
	}
}

// Grafana's own colours of single numbers are green, and red from 80 on; a number with a range shows the range and takes no side, and a
// small change is neither good nor bad.
func TestSingleNumbersTakeNoSideThatIsNotTheirs(t *testing.T) {
	got := map[string]panel{}
	for _, d := range panels.Dashboards() {
		drawn := read(t, d)
		for i, p := range panels.Of(d) {
			if p.Chart != panels.Stat {
				continue
			}
			got[p.ID] = drawn.Panels[i]
			if c := drawn.Panels[i].FieldConfig.Defaults.Color; c == nil || *c != (color{"fixed", "text"}) {
				t.Errorf("%s: got the colour %+v where nothing else is said, want that of text", p.ID, c)
			}
		}
	}
	for id, want := range map[string]string{
		"today":    "/^(Estimated visits|Estimated visits: at least|Estimated visits: at most|Usual by then|Against the usual|Against the usual: at least|Against the usual: at most)$/",
		"last_day": "/^(Visits of stable devices|Usual|Against the usual)$/",
	} {
		fields := got[id].Options.(map[string]any)["reduceOptions"].(map[string]any)["fields"]
		if fields != want {
			t.Errorf("%s: got the fields %v, want %v", id, fields, want)
		}
	}
	text, err := json.Marshal(got["last_day"].FieldConfig)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `{"color":"text","value":-20}`) || strings.Contains(string(text), "green") {
		t.Errorf("got %s, want a small change in the colour of text", text)
	}
}

// mappingsOf are the value mappings of an override, decoded.
func mappingsOf(t *testing.T, o override) []valueMapping {
	t.Helper()
	var out []valueMapping
	for _, p := range o.Properties {
		if p.ID != "mappings" {
			continue
		}
		text, err := json.Marshal(p.Value)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// A band is found by its display name, so the high end must name its low end exactly.
func TestBandsFindTheirOtherEnd(t *testing.T) {
	for _, d := range panels.Dashboards() {
		for _, p := range read(t, d).Panels {
			names := map[any]int{}
			for _, o := range p.FieldConfig.Overrides {
				if o.Properties[0].ID == "displayName" {
					names[o.Properties[0].Value]++
				}
			}
			for _, o := range p.FieldConfig.Overrides {
				for _, property := range o.Properties {
					if property.ID == "custom.fillBelowTo" && names[property.Value] != 1 {
						t.Errorf("%s: %s fills down to %v, which is the name of %d columns", p.Title, o.Matcher.Options, property.Value, names[property.Value])
					}
				}
			}
			for name, n := range names {
				if n > 1 && p.Type != "barchart" {
					t.Errorf("%s: %d columns are called %v", p.Title, n, name)
				}
			}
		}
	}
}

func TestNoPanelStandsBesideNothing(t *testing.T) {
	for _, d := range panels.Dashboards() {
		all := read(t, d).Panels
		for _, p := range all {
			alone := !slices.ContainsFunc(all, func(o panel) bool { return o.ID != p.ID && o.GridPos.Y == p.GridPos.Y })
			if alone && p.GridPos.W != 24 {
				t.Errorf("%s: %s stands alone and is %d wide, want 24", d, p.Title, p.GridPos.W)
			}
		}
	}
}

func TestPanelsDoNotCoverEachOther(t *testing.T) {
	for _, d := range panels.Dashboards() {
		taken, ids := map[[2]int]string{}, map[int]bool{}
		for _, p := range read(t, d).Panels {
			if ids[p.ID] || p.ID == 0 {
				t.Errorf("%s: %s has the number %d, which is another's or none", d, p.Title, p.ID)
			}
			ids[p.ID] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other, ok := taken[[2]int{x, y}]; ok || x > 23 {
						t.Fatalf("%s: %s covers %q or leaves the grid at %d, %d", d, p.Title, other, x, y)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}
