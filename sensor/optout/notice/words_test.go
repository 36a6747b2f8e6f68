package notice

import (
	"testing"
	"time"
)

func TestSpansInWords(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		0:                              {"0 seconds", "0 Sekunden"},
		time.Nanosecond:                {"1 second", "1 Sekunde"},
		time.Minute:                    {"1 minute", "1 Minute"},
		90 * time.Second:               {"1 minute and 30 seconds", "1 Minute und 30 Sekunden"},
		time.Hour:                      {"1 hour", "1 Stunde"},
		35*time.Hour + 6*time.Minute:   {"35 hours and 6 minutes", "35 Stunden und 6 Minuten"},
		239 * time.Hour:                {"239 hours", "239 Stunden"},
		240 * time.Hour:                {"10 days", "10 Tage"},
		725*time.Hour + 6*time.Minute:  {"30 days and 6 hours", "30 Tage und 6 Stunden"},
		48 * time.Hour:                 {"48 hours", "48 Stunden"},
		25*time.Hour + 1500*1000*1000:  {"25 hours and 2 seconds", "25 Stunden und 2 Sekunden"},
		time.Hour + time.Minute + 1001: {"1 hour and 1 minute and 1 second", "1 Stunde und 1 Minute und 1 Sekunde"},
	} {
		for i, lang := range []string{"en", "de"} {
			s := &speaker{texts: mustTexts(t, lang)}
			if got := s.span(Span(d)); got != want[i] || s.err != nil {
				t.Errorf("%v, %s: got %q, %v, want %q", d, lang, got, s.err, want[i])
			}
		}
	}
}

func TestNumbersInWords(t *testing.T) {
	for n, want := range map[int64][2]string{
		0: {"0", "0"}, 2000: {"2000", "2000"}, 26000: {"26,000", "26.000"}, 260000: {"260,000", "260.000"}, 260000000: {"260,000,000", "260.000.000"}, -1: {"-1", "-1"},
	} {
		for i, lang := range []string{"en", "de"} {
			if got := (&speaker{texts: mustTexts(t, lang)}).number(n); got != want[i] {
				t.Errorf("%d, %s: got %q, want %q", n, lang, got, want[i])
			}
		}
	}
	for x, want := range map[float64][2]string{2: {"2", "2"}, 7.4: {"7.4", "7,4"}, 0.25: {"0.25", "0,25"}} {
		for i, lang := range []string{"en", "de"} {
			if got := (&speaker{texts: mustTexts(t, lang)}).decimal(x); got != want[i] {
				t.Errorf("%v, %s: got %q, want %q", x, lang, got, want[i])
			}
		}
	}
}

func TestTheDayIsClosedAt(t *testing.T) {
	for after, want := range map[time.Duration]string{0: "04:00", 4 * time.Hour: "08:00", 90 * time.Minute: "05:30", 21 * time.Hour: "01:00", 24 * time.Hour: "04:00"} {
		if got := sealAt(Rules{KeysDie: "04:00", SealAfter: Span(after)}); got != want {
			t.Errorf("%v: got %s, want %s", after, got, want)
		}
	}
	if got := sealAt(Rules{KeysDie: "at dawn"}); got != "at dawn" {
		t.Errorf("got %q of what is no time, want it back", got)
	}
}

func TestCleanIsOneLine(t *testing.T) {
	for text, want := range map[string]string{"a\n\nb": "a b", " Größe ": "Größe", "x\x1b[2Jy": "x [2Jy", "\xff": "", "a\u202eb": "ab"} {
		if got := clean(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
