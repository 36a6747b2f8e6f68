package simulate

import (
	"context"
	"strings"
	"testing"
)

func TestConfigIsChecked(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*Config)
		want   []string // parts of the error; none: it is taken
	}{
		"the default":          {func(*Config) {}, nil},
		"nobody at all":        {func(c *Config) { c.ShoppersPerDay, c.PassersPerDay, c.Staff, c.Gear, c.Neighbours = 0, 0, 0, 0, 0 }, nil},
		"no store":             {func(c *Config) { c.Store.ID = "" }, []string{"stores.yaml"}},
		"no days":              {func(c *Config) { c.Days = 0 }, []string{"days is 0: use 1 to 400"}},
		"a crowd":              {func(c *Config) { c.ShoppersPerDay = MaxShoppers + 1 }, []string{"use 0 to 1500"}},
		"fewer than nobody":    {func(c *Config) { c.PassersPerDay = -1 }, []string{"passers-by a day is -1"}},
		"all phones stable":    {func(c *Config) { c.StableShare = 1 }, []string{"share of stable phones"}},
		"nothing arrives":      {func(c *Config) { c.Loss = 1 }, []string{"loss is 1"}},
		"rssi_inside too weak": {func(c *Config) { c.InsideDBM = -90 }, []string{"rssi_inside is -90: use -75 to -65"}},
		"all at once":          {func(c *Config) { c.Days, c.Staff, c.Loss = -1, 999, -1 }, []string{"days", "staff", "loss"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t, "corner", "2026-01-12", 1)
			row.change(&cfg)
			err := cfg.Check()
			if (err == nil) != (row.want == nil) {
				t.Fatalf("got %v, want %q", err, row.want)
			}
			for _, part := range row.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %v, want it to say %q", err, part)
				}
			}
			if _, runErr := Run(context.Background(), cfg, (&captures{}).sink, nil); (runErr == nil) != (err == nil) {
				t.Errorf("Run got %v, Check %v", runErr, err)
			}
		})
	}
}
