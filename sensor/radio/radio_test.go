package radio

import (
	"errors"
	"fmt"
	"testing"
)

func TestChannelAt(t *testing.T) {
	for _, test := range []struct {
		name string
		mhz  int
		text string // "": no channel
		band string
	}{
		{"the first of 2.4 GHz", 2412, "1", "2.4"},
		{"the last that is allowed in Europe", 2472, "13", "2.4"},
		{"Japan's", 2484, "14", "2.4"},
		{"between two of 2.4 GHz", 2414, "", ""},
		{"under 2.4 GHz", 2407, "", ""},
		{"Japan's 4.9 GHz", 4920, "", ""},
		{"the first of 5 GHz", 5180, "36", "5"},
		{"with radar", 5500, "100", "5"},
		{"the last of 5 GHz", 5885, "177", "5"},
		{"the odd one of 6 GHz", 5935, "6g2", "6"},
		{"the first of 6 GHz", 5955, "6g1", "6"},
		{"the first preferred one", 5975, "6g5", "6"},
		{"the last of 6 GHz", 7115, "6g233", "6"},
		{"60 GHz", 58320, "", ""},
		{"nothing", 0, "", ""},
		{"negative", -5, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := ChannelAt(test.mhz)
			if ok != (test.text != "") {
				t.Fatalf("a channel: got %v, want %v", ok, test.text != "")
			}
			if !ok {
				return
			}
			if got.String() != test.text || got.Band.String() != test.band || got.MHz != test.mhz {
				t.Errorf("got %s of %s at %d, want %s of %s at %d", got, got.Band, got.MHz, test.text, test.band, test.mhz)
			}
		})
	}
	if got, want := Band(9).String(), "unknown"; got != want {
		t.Errorf("a band that is none: got %q, want %q", got, want)
	}
}

func TestReason(t *testing.T) {
	for want, err := range map[string]error{
		"gone": ErrGone, "down": ErrDown, "busy": ErrBusy, "permission": ErrPermission, "blocked": ErrBlocked,
		"not_wifi": ErrNotWiFi, "no_monitor": ErrNoMonitor, "refused": ErrRefused, "other": errors.New("the moon"),
	} {
		if got := Reason(fmt.Errorf("set channel 6 of wlan1: %w", err)); got != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
}
