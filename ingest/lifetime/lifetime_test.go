package lifetime

import (
	"testing"
	"time"
)

func TestBounds(t *testing.T) {
	for name, c := range map[string]struct {
		seal, spool time.Duration
		want        Bounds
	}{
		"the defaults": {4 * time.Hour, 6 * time.Hour, Bounds{24 * time.Hour, 29*time.Hour + 6*time.Minute, 35*time.Hour + 6*time.Minute}},
		"the shortest": {0, time.Minute, Bounds{24 * time.Hour, 25*time.Hour + 6*time.Minute, 25*time.Hour + 7*time.Minute}},
	} {
		if got := Of(c.seal, c.spool); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}
