package radio

import (
	"slices"
	"testing"
)

func TestWatcher(t *testing.T) {
	type said struct {
		index       uint32
		name        string
		up, deleted bool
	}
	for _, test := range []struct {
		name string
		said []said
		want []EventKind
	}{
		{"down and up", []said{{7, "wlan1", true, false}, {7, "wlan1", false, false}, {7, "wlan1", true, false}}, []EventKind{Back, Up, Down, Up}},
		{"said again", []said{{7, "wlan1", true, false}, {7, "wlan1", true, false}}, []EventKind{Back, Up}},
		{"others", []said{{1, "lo", true, false}, {2, "eth0", false, false}, {2, "eth0", false, true}}, nil},
		{"pulled out and put back", []said{{7, "wlan1", true, false}, {7, "wlan1", false, false}, {7, "wlan1", false, true}, {9, "wlan1", false, false}, {9, "wlan1", true, false}},
			[]EventKind{Back, Up, Down, Gone, Back, Down, Up}},
		{"renamed away and back", []said{{7, "wlan1", true, false}, {7, "old", true, false}, {7, "wlan1", true, false}}, []EventKind{Back, Up, Gone, Back, Up}},
		{"another took its name unseen", []said{{7, "wlan1", true, false}, {9, "wlan1", true, false}}, []EventKind{Back, Up, Gone, Back, Up}},
		{"the end of the former owner of the name", []said{{7, "wlan1", true, false}, {9, "wlan1", true, false}, {7, "wlan1", false, true}}, []EventKind{Back, Up, Gone, Back, Up}},
		{"deleted before it was seen", []said{{7, "wlan1", false, true}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := watcher{name: "wlan1"}
			var got []EventKind
			for _, s := range test.said {
				got = append(got, w.seen(s.index, s.name, s.up, s.deleted)...)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestWatcherAbsent(t *testing.T) {
	w := watcher{name: "wlan1"}
	if got := w.absent(); got != nil {
		t.Errorf("never there: got %v, want nothing", got)
	}
	w.seen(7, "wlan1", true, false)
	if got, want := w.absent(), []EventKind{Gone}; !slices.Equal(got, want) {
		t.Errorf("no longer there: got %v, want %v", got, want)
	}
	if got := w.absent(); got != nil {
		t.Errorf("still not there: got %v, want nothing", got)
	}
}

func TestEventKindString(t *testing.T) {
	for k, want := range map[EventKind]string{Up: "up", Down: "down", Gone: "gone", Back: "back", 0: "unknown"} {
		if got := k.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
