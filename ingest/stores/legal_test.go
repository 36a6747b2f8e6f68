package stores

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/ingest/wire"
)

// TestExtendedRefusesToStartWithoutALegalBasis, and what is no record of one is none.
func TestExtendedRefusesToStartWithoutALegalBasis(t *testing.T) {
	const good = "Consent at the desk (Art. 6(1)(a)), A. Person, 2026-01-05"
	for _, row := range []struct {
		name, policy, basis string
		want                string // of the error; "" where it is taken
		kept                string
	}{
		{"extended with a basis", "extended", good, "", good},
		{"spaces around it", "extended", "   " + good + " \t", "", good},
		{"in another script", "extended", "Einwilligung am Empfang – beschlossen von Ä. Müller", "", "Einwilligung am Empfang – beschlossen von Ä. Müller"},
		{"extended without", "extended", "", "record there the legal basis, who decided on it and when; or use standard, which needs none", ""},
		{"only spaces", "extended", "      ", "needs legal_basis", ""},
		{"a word", "extended", "consent", "has 7 characters", ""},
		{"19 characters", "extended", strings.Repeat("ü", 19), "has 19 characters", ""},
		{"20 characters", "extended", strings.Repeat("ü", 20), "", strings.Repeat("ü", 20)},
		{"500 characters", "extended", strings.Repeat("x", 500), "", strings.Repeat("x", 500)},
		{"501 characters", "extended", strings.Repeat("x", 501), "has 501 characters", ""},
		{"two lines", "extended", good + "\nand more", "in one line", ""},
		{"a separator of lines", "extended", good + "\u2028and more", "in one line", ""},
		{"a control character", "extended", good + "\x07", "in one line", ""},
		{"standard with a basis", "standard", good, "belongs to policy extended alone", ""},
		{"the default with a basis", "", good, "belongs to policy extended alone", ""},
		{"count-only with a basis", "count-only", good, "belongs to policy extended alone", ""},
		{"standard without", "standard", "", "", ""},
		{"count-only without", "count-only", "", "", ""},
		{"no such policy", "generous", good, "use standard, count-only or extended", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			list, err := Parse(fmt.Appendf(nil, "stores: [{id: a, time_zone: UTC, policy: %q, legal_basis: %s, zones: [{id: z, sensors: [{id: s}]}]}]", row.policy, quoted(row.basis)))
			if row.want != "" {
				if err == nil || !strings.Contains(err.Error(), row.want) {
					t.Fatalf("got %v, want an error with %q", err, row.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if list[0].LegalBasis != row.kept {
				t.Errorf("got basis %q, want %q", list[0].LegalBasis, row.kept)
			}
			if got := list[0].Policy == wire.Policy_POLICY_EXTENDED; got != (row.policy == "extended") {
				t.Errorf("got policy %v, want %s", list[0].Policy, row.policy)
			}
		})
	}
}

// quoted is the text as a string of YAML in double quotes.
func quoted(text string) string {
	return `"` + strings.NewReplacer("\n", `\n`, "\t", `\t`, "\x07", `\a`, "\u2028", `\L`, `"`, `\"`).Replace(text) + `"`
}

func TestParsePolicy(t *testing.T) {
	for name, want := range map[string]wire.Policy{
		"": wire.Policy_POLICY_STANDARD, "standard": wire.Policy_POLICY_STANDARD, "count-only": wire.Policy_POLICY_COUNT_ONLY,
		"extended": wire.Policy_POLICY_EXTENDED,
	} {
		if got, err := ParsePolicy(name); got != want || err != nil {
			t.Errorf("%q: got %v, %v, want %v", name, got, err, want)
		}
	}
	if _, err := ParsePolicy("Standard"); err == nil {
		t.Error("got no error of a policy that is none, want one")
	}
}
