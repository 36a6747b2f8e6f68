package simulate

import (
	"testing"

	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

func TestOpeningHoursAreRespected(t *testing.T) {
	for name, row := range map[string]struct{ store, date string }{
		"working day":             {"corner", "2026-01-12"},
		"closed Sunday":           {"corner", "2026-01-18"},
		"two spans":               {"siesta", "2026-01-12"},
		"always open":             {"always", "2026-01-12"},
		"clocks go forward":       {"always", "2026-03-07"},
		"clocks go back":          {"always", "2026-10-31"},
		"clocks change on Sunday": {"siesta", "2026-03-28"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t, row.store, row.date, 1)
			x := newWorld(cfg).live(cfg.Start)
			shoppers := 0
			for _, s := range x.stays {
				switch s.role {
				case shopper:
					shoppers++
					if x.closing(s.from) < s.to || s.from >= s.to {
						t.Fatalf("a shopper is inside from minute %d to %d", s.from/minute, s.to/minute)
					}
				case staff:
					if s.from < x.open[0].from-30*minute || s.to > x.open[len(x.open)-1].to+30*minute {
						t.Errorf("staff from minute %d to %d", s.from/minute, s.to/minute)
					}
				case passer, fixture, neighbour:
				}
				if s.from < 0 || s.to > x.length {
					t.Errorf("somebody stays beyond the day")
				}
			}
			if (shoppers > 0) != (len(x.open) > 0) {
				t.Errorf("%d shoppers, open %v", shoppers, x.open)
			}
		})
	}
}

func TestStaysMatchTheAssumptions(t *testing.T) {
	cfg := testConfig(t, "corner", "2026-01-12", 1)
	w := newWorld(cfg)
	entries, lookIns, stable, minutes, days := 0, 0, 0, 0.0, 0
	for d := cfg.Start; d < cfg.Start+14; d++ {
		x := w.live(d)
		if len(x.open) > 0 {
			days++
		}
		for _, s := range x.stays {
			if s.role != shopper {
				continue
			}
			entries++
			minutes += float64(s.to-s.from) / float64(minute)
			if s.to-s.from < visitMinDwell {
				lookIns++
			}
			if x.devices[s.device].phone.stable() {
				stable++
			}
		}
	}
	if got := float64(entries) / float64(days); got < 420 || got > 480 {
		t.Errorf("got %g entries an open day, want about 450 and a few second visits", got)
	}
	if got := minutes / float64(entries); got < 10.5 || got > 12.5 {
		t.Errorf("got a mean stay of %g minutes, want a little under 12", got)
	}
	if got := float64(lookIns) / float64(entries); got < 0.1 || got > 0.25 {
		t.Errorf("got a share of %g under five minutes", got)
	}
	if got := float64(stable) / float64(entries); got < 0.25 || got > 0.38 {
		t.Errorf("got a share of %g with stable phones, want about a third", got)
	}
}

func TestNobodyOutsideIsAtInsideStrength(t *testing.T) {
	cfg := testConfig(t, "corner", "2026-01-12", 1)
	x := newWorld(cfg).live(cfg.Start)
	var inside, weak int
	for _, b := range x.bursts {
		switch x.stays[b.stay].role {
		case passer, neighbour:
			if b.peak > -74 || b.peak < -88 {
				t.Fatalf("somebody outside is heard at %d dBm", b.peak)
			}
		case shopper, staff, fixture:
			if b.peak > -38 || b.peak < -74 {
				t.Fatalf("somebody inside is heard at %d dBm", b.peak)
			}
			if inside++; b.peak < -70 {
				weak++
			}
		}
	}
	if weak*200 > inside {
		t.Errorf("%d of %d bursts from inside are weaker than -70 dBm", weak, inside)
	}
}

func TestBurstsOfAPhoneFollowEachOther(t *testing.T) {
	cfg := testConfig(t, "always", "2026-01-12", 1)
	x := newWorld(cfg).live(cfg.Start)
	last := make(map[int32]int64)
	for _, b := range x.bursts {
		s := x.stays[b.stay]
		if b.at < s.from || b.at >= s.to || b.frames < 3 || b.frames > 9 {
			t.Fatalf("a burst of %d frames outside its stay", b.frames)
		}
		if before, ok := last[s.device]; ok && b.at-before < 2*second {
			t.Fatalf("two bursts of a phone %d µs apart", b.at-before)
		}
		last[s.device] = b.at
	}
}

func TestBuiltInAddressesAreDifferentAndLookReal(t *testing.T) {
	cfg := testConfig(t, "always", "2026-01-12", 1)
	cfg.ShoppersPerDay, cfg.PassersPerDay, cfg.StableShare = MaxShoppers, MaxPassers, maxShare
	w := newWorld(cfg)
	owners := make(map[hwaddr.Addr]bool)
	for _, r := range w.regulars {
		if r.phone.stable() {
			owners[r.phone.address] = true
		}
	}
	regulars := len(owners)
	for d := cfg.Start; d < cfg.Start+3; d++ {
		x := w.live(d)
		for _, dev := range x.devices {
			a := dev.phone.address
			if !dev.phone.stable() {
				if a != (hwaddr.Addr{}) {
					t.Fatal("a phone that randomises has a built-in address here")
				}
				continue
			}
			if a.Random() || a.Group() {
				t.Fatal("a built-in address has a low bit of its first byte set")
			}
			if dev.regular >= 0 {
				continue
			}
			if owners[a] {
				t.Fatal("two phones share a built-in address")
			}
			owners[a] = true
		}
	}
	if regulars < 3000 || len(owners) < regulars+3000 {
		t.Errorf("got %d addresses, %d of them of people who come back", len(owners), regulars)
	}
}
