package api

import (
	"slices"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/dashboards/tokens"
)

// A token of some stores reads no panel that has rows of all stores together: the tables refuse them to it, too.
func TestATokenOfOneStoreReadsNoRowsOfAllStores(t *testing.T) {
	together := []string{"chain_campaigns", "privacy_audit", "privacy_checks", "privacy_enforced", "privacy_oldest"}
	for _, role := range []tokens.Role{tokens.Manager, tokens.Office, tokens.Operator, tokens.Import} {
		of := &tokens.Token{Role: role, Stores: []string{"quay"}}
		for _, p := range panels.All() {
			all := mayPanel(&tokens.Token{Role: role}, p)
			if got, want := mayPanel(of, p), all && !slices.Contains(together, p.ID); got != want {
				t.Errorf("%s of one store, %s: got %v, want %v", role, p.ID, got, want)
			}
			if strings.Contains(p.SQL, "OR store = ''") && !slices.Contains(together, p.ID) {
				t.Errorf("%s reads rows of no store", p.ID)
			}
		}
	}
	for _, c := range []struct {
		sql  string
		want bool
	}{
		{"SELECT 1 FROM pub_retention FINAL WHERE store IN (${store:singlequote}) AND age_s > 1 ORDER BY store", false},
		{"SELECT 1 FROM pub_retention FINAL", true},
		{"SELECT 1 FROM pub_retention", true},
		{"SELECT 1 FROM pub_retention FINAL WHERE day = 1\nGROUP BY store HAVING store IN (${store:singlequote})", true},
		{"SELECT 1 FROM pub_retention FINAL WHERE store IN (${store:singlequote})\n    OR day = 1", true},
		{"SELECT 1 FROM (SELECT 1 FROM pub_retention FINAL\n) WHERE store IN (${store:singlequote})", true},
		{"SELECT 1 FROM pub_privacy FINAL WHERE store IN (${store:singlequote})\nORDER BY (SELECT 1 FROM pub_effects FINAL)", true},
		{"SELECT 1 FROM pub_annotations FINAL WHERE store = ''", false}, // they are for everybody
	} {
		if got := readsShared(panels.Panel{SQL: c.sql}); got != c.want {
			t.Errorf("%s: got %v, want %v", c.sql, got, c.want)
		}
	}
}
