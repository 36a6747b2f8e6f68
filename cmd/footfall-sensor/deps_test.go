package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestTheAgentLinksNothingOfTheServers looks at everything the agent is linked with, however deep: routers have little memory.
func TestTheAgentLinksNothingOfTheServers(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Skipf("skipped: go list does not work here: %v", err)
	}
	for dep := range strings.Lines(string(out)) {
		dep = strings.TrimSpace(dep)
		for _, banned := range []string{
			"github.com/twmb/", "github.com/ClickHouse/", "github.com/ebitengine/", "github.com/openfootfall/footfall/aggregate",
			"github.com/openfootfall/footfall/dashboards", "os/exec", "testing",
		} {
			if strings.HasPrefix(dep, banned) {
				t.Errorf("the agent links %s", dep)
			}
		}
	}
}
