package notice

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// follow notes at each time what a store with these inputs states then, as the service does every few seconds.
func follow(t *testing.T, h *History, at time.Time, in Input) Facts {
	t.Helper()
	f := Widen(Gather(in), versions(t, h, in.Store.ID), at)
	if _, _, _, err := h.Note(f, at); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestWhatIsHeldIsStatedUntilItIsGone: a store that keeps less from now on still holds what it kept until now.
func TestWhatIsHeldIsStatedUntilItIsGone(t *testing.T) {
	const before = 36*time.Hour + 6*time.Minute // what an id of Berlin lives by default
	month := 30*24*time.Hour + 6*time.Hour + 6*time.Minute
	for _, row := range []struct {
		from, to string
		held     time.Duration
	}{{Standard, CountOnly, before}, {Extended, CountOnly, month}, {Extended, Standard, month}, {CountOnly, Standard, 0}, {Standard, Extended, 0}} {
		t.Run(row.from+" to "+row.to, func(t *testing.T) {
			h := newHistory(t)
			follow(t, h, noon, base(row.from))
			change := noon.Add(100 * time.Hour)
			narrow := base(row.to)
			for _, after := range []time.Duration{0, 10 * time.Second, 10 * time.Hour, row.held - time.Minute, row.held + time.Minute, row.held + time.Hour} {
				if after < 0 {
					continue
				}
				f := follow(t, h, change.Add(after), narrow)
				want := row.to
				if after < row.held {
					want = row.from
				}
				if f.Rules.Policy != want || f.Rules.SetPolicy != row.to || f.Running().Policy != row.to || (f.InForce != nil) != (want != row.to) {
					t.Fatalf("%v after: got %s, set to %s, in force %+v, want %s", after, f.Rules.Policy, f.Rules.SetPolicy, f.InForce, want)
				}
				text := document(t, f, "en").Text(10000)
				if told := strings.Contains(text, "some of what it kept then is still there"); told != (want != row.to) {
					t.Errorf("%v after: got told %v in\n%s", after, told, text)
				}
				if want != CountOnly && (strings.Contains(text, "There are no codes to delete") || strings.Contains(text, "No codes leave")) {
					t.Errorf("%v after: the notice says that there are no codes", after)
				}
				if want == Extended && (!f.Rules.ReturnCodes || f.Rules.LegalBasis == "" || f.Rules.ReturnLife != Span(month)) {
					t.Errorf("%v after: got %+v, want the return codes stated", after, f.Rules)
				}
			}
			if last := Gather(narrow); !reflect.DeepEqual(versions(t, h, "demo").last().Rules, last.Rules) {
				t.Errorf("at the end: got %+v, want %+v", versions(t, h, "demo").last().Rules, last.Rules)
			}
		})
	}
}

// TestShorterTimesHoldFromWhenTheLongerOnesAreOver: the same of the times, and changes in a row do not add up.
func TestShorterTimesHoldFromWhenTheLongerOnesAreOver(t *testing.T) {
	h, in := newHistory(t), base(Standard)
	in.Store.SealAfter = 20 * time.Hour
	in.Sensors[0].SpoolIDAge = 12 * time.Hour
	long := time.Duration(follow(t, h, noon, in).Rules.LongestLife)
	short := base(Standard)
	for i, row := range []struct {
		after time.Duration
		seal  time.Duration
		spool time.Duration
		versn int
	}{{0, 20, 12, 2}, {long - time.Second, 20, 12, 2}, {long, 4, 6, 3}, {2 * long, 4, 6, 3}} {
		f := follow(t, h, noon.Add(500*time.Hour+row.after), short)
		if time.Duration(f.Rules.SealAfter) != row.seal*time.Hour || time.Duration(f.Rules.SpoolIDAge) != row.spool*time.Hour {
			t.Errorf("%d: got %v and %v, want %d h and %d h", i, time.Duration(f.Rules.SealAfter), time.Duration(f.Rules.SpoolIDAge), row.seal, row.spool)
		}
		if got := versions(t, h, "demo").last().Number; got != row.versn {
			t.Errorf("%d: got version %d, want %d", i, got, row.versn)
		}
	}
	// Standard until now, then count-only, then in the hour after it standard once more and count-only again.
	h = newHistory(t)
	policies := []string{Standard, CountOnly, Standard, CountOnly}
	for i, p := range policies {
		follow(t, h, noon.Add(time.Duration(i)*time.Hour), base(p))
	}
	life := time.Duration(Gather(base(Standard)).Rules.LongestLife)
	for after, want := range map[time.Duration]string{life - time.Minute: Standard, life + time.Minute: CountOnly} {
		if f := Widen(Gather(base(CountOnly)), versions(t, h, "demo"), noon.Add(3*time.Hour+after)); f.Rules.Policy != want {
			t.Errorf("%v after the last change: got %s, want %s", after, f.Rules.Policy, want)
		}
	}
}

// TestNothingPastChangesNothing: facts without a past, or with the same, are as they were; widening twice is widening once.
func TestNothingPastChangesNothing(t *testing.T) {
	var past Past
	for i, in := range configurations(60, 9) {
		f := Gather(in)
		if got := Widen(f, Past{}, noon); !reflect.DeepEqual(got, f) {
			t.Fatalf("configuration %d, no past: got %+v, want %+v", i, got, f)
		}
		same := Past{Versions: []Version{{Number: 1, At: noon.Add(-time.Hour), Store: f.Store, Rules: f.Rules}}}
		if got := Widen(f, same, noon); !reflect.DeepEqual(got, f) {
			t.Fatalf("configuration %d, the same past: got %+v, want %+v", i, got, f)
		}
		once := Widen(f, past, noon)
		if twice := Widen(once, past, noon); fmt.Sprint(twice.Rules, twice.Running()) != fmt.Sprint(once.Rules, once.Running()) {
			t.Fatalf("configuration %d: widened twice: got %+v, want %+v", i, twice, once)
		}
		past.Versions = append(past.Versions, Version{Number: i + 1, At: noon.Add(time.Duration(i-60) * time.Hour), Store: f.Store, Rules: f.Rules})
	}
}
