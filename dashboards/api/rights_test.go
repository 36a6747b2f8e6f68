package api

import (
	"net/http"
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

// Who is refused is told the reason that is theirs: another role would not help a token of some stores.
func TestARefusalSaysWhetherItIsTheRoleOrTheStores(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct{ who, path, says string }{
		{"operator of quay", "together", "some stores only: ask for what is of its stores, or ask whoever runs Footfall for a token of all stores"},
		{"manager", "together", "for a token with another role"},
		{"operator", "daily", "for a token with another role"},
		{"manager", "daily?store=far", "not for this store, or there is no such store"},
	} {
		w := r.get(c.who, Prefix+"panels/"+c.path)
		if p := problem(t, w); w.Code != http.StatusForbidden || !strings.Contains(p.Detail, c.says) {
			t.Errorf("%s, %s: got %d, %s, want %q", c.who, c.path, w.Code, p.Detail, c.says)
		}
	}
	campaigns := slices.IndexFunc(panels.All(), func(p panels.Panel) bool { return p.ID == "chain_campaigns" })
	if err := panelDenied(&tokens.Token{Role: tokens.Manager, Stores: []string{"quay"}}, panels.All()[campaigns]); err == nil || !strings.Contains(err.Error(), "some stores only") {
		t.Errorf("a manager of the campaigns of all stores: got %v", err)
	}
}
