package panels

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEveryPanelIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range All() {
		t.Run(p.ID, func(t *testing.T) {
			if !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(p.ID) || seen[p.ID] {
				t.Errorf("the ID %q is no name of its own", p.ID)
			}
			seen[p.ID] = true
			if !slices.Contains(Dashboards(), p.Dashboard) {
				t.Errorf("no dashboard %q", p.Dashboard)
			}
			if p.Title == "" || p.SQL == "" || p.Chart == "" || strings.HasSuffix(p.SQL, ";") {
				t.Errorf("title %q, chart %q, SQL %q", p.Title, p.Chart, p.SQL)
			}
			if !strings.Contains(p.Question, "?") || !strings.HasSuffix(p.Question, ".") || !strings.HasSuffix(p.Empty, ".") && !strings.HasSuffix(p.Empty, "?") {
				t.Errorf("no question and answer in whole sentences: %q, %q", p.Question, p.Empty)
			}
			checkColumns(t, p)
			checkChart(t, p)
			for _, h := range p.Thresholds {
				if c, ok := p.Column(h.Column); !ok || c.Role != Value && c.Role != Detail {
					t.Errorf("a threshold of %q, which is no number of the panel", h.Column)
				}
			}
		})
	}
}

// checkColumns holds that columns have names and labels, and that states and intervals belong to something.
func checkColumns(t *testing.T, p Panel) {
	t.Helper()
	names := map[string]bool{}
	for _, c := range p.Columns {
		if c.Name == "" || c.Label == "" || names[c.Name] {
			t.Errorf("column %+v has no name or label of its own", c)
		}
		names[c.Name] = true
		if utc := strings.HasSuffix(c.Label, "(UTC)"); utc != (c.Role == Instant) {
			t.Errorf("%s is called %q and has role %s: times of day are instants and say that they are UTC", c.Name, c.Label, c.Role)
		}
		of, ok := p.Column(c.Of)
		switch c.Role {
		case Low, High:
			if !ok || of.Unit != c.Unit {
				t.Errorf("%s is an end of %q, which is not there in its unit", c.Name, c.Of)
			}
		case State:
			if !ok {
				t.Errorf("%s is the state of %q, which is not there", c.Name, c.Of)
			}
		default:
			if c.Of != "" {
				t.Errorf("%s belongs to %q and has role %s", c.Name, c.Of, c.Role)
			}
		}
	}
}

// checkChart holds that a chart finds the columns it is drawn of.
func checkChart(t *testing.T, p Panel) {
	t.Helper()
	roles := map[Role]int{}
	for _, c := range p.Columns {
		roles[c.Role]++
	}
	axis := roles[Time] + roles[Instant] + roles[Category]
	switch {
	case roles[Value] == 0 || axis == 0:
		t.Error("nothing to draw, or nothing to draw it over")
	case p.Chart == Band && (roles[Low] == 0 || roles[Low] != roles[High]):
		t.Error("a band without ends")
	case p.Chart == Heatmap && (roles[Category] < 2 || roles[Value] != 1):
		t.Error("a heat map needs two names and one value")
	case p.Chart == Line && roles[Time]+roles[Instant] == 0:
		t.Error("a line without time")
	}
	if p.Dashboard == Store || p.Dashboard == Chain {
		for _, c := range p.Columns {
			if _, ok := p.StateOf(c.Name); c.Role == Value && !ok && !slices.Contains(withoutState, p.ID+"."+c.Name) {
				t.Errorf("%s does not say why it is empty", c.Name)
			}
		}
	}
}

// withoutState are numbers that are counts of days or minutes, which are always there.
var withoutState = []string{"data_quality.gap_min", "why_empty.days", "chain_quality.days_no_data"}

func TestEverySQLFileIsAPanelAndSaysWhatItDoes(t *testing.T) {
	files, err := fs.Glob(statements, "sql/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := statements.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "-- ") {
			t.Errorf("%s has no header", f)
		}
		if _, ok := Find(strings.TrimSuffix(strings.TrimPrefix(f, "sql/"), ".sql")); !ok {
			t.Errorf("%s is of no panel", f)
		}
	}
	if got, want := len(All()), len(files); got != want {
		t.Errorf("got %d panels, want %d, one a file", got, want)
	}
}

func TestFindAndOf(t *testing.T) {
	if _, ok := Find("nothing"); ok {
		t.Error("found a panel that is not there")
	}
	n := 0
	for _, d := range Dashboards() {
		of := Of(d)
		n += len(of)
		if len(of) == 0 {
			t.Errorf("no panels of %s", d)
		}
	}
	if got, want := n, len(All()); got != want {
		t.Errorf("got %d panels over all dashboards, want %d", got, want)
	}
	p, _ := Find("visits_by_day")
	if p.Unit != Visits || p.Columns[0].Role != Time {
		t.Errorf("got %+v", p)
	}
	if c, ok := p.StateOf("visits"); !ok || c.Name != "visits_state" {
		t.Errorf("got %+v", c)
	}
	if _, ok := p.StateOf("time"); ok {
		t.Error("time has a state")
	}
	if _, ok := p.Column("elsewhere"); ok {
		t.Error("a column that is not there")
	}
	p.Columns[0].Name = "changed"
	if again, _ := Find("visits_by_day"); again.Columns[0].Name == "changed" {
		t.Error("panels are shared between callers")
	}
}

func TestStates(t *testing.T) {
	for _, s := range States() {
		text, meaning := StateText(s, "en"), StateMeaning(s, "en")
		if (s == StateValue) != (text == "") || (s == StateValue) != (meaning == "") {
			t.Errorf("%s reads %q, %q", s, text, meaning)
		}
		if got := StateText(s, "fi"); got != text {
			t.Errorf("%s in a language that is not there: got %q, want %q", s, got, text)
		}
	}
	if got, want := StateText("new", "en"), "new"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Sentences that are not true of what the sensors do.
func TestPanelsPromiseNothingThatIsNotTrue(t *testing.T) {
	for _, p := range All() {
		for _, wrong := range []string{"unique", "anonymous", "takes you out", "not counted", "keeps nothing", "differential"} {
			if text := strings.ToLower(p.Question + p.Empty + p.Title); strings.Contains(text, wrong) {
				t.Errorf("%s says %q", p.ID, wrong)
			}
		}
	}
}
