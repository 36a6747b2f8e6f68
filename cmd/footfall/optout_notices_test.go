package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/fleet"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/optout"
	"github.com/openfootfall/footfall/sensor/optout/notice"
)

// noticesRig is what makes the notices, through restarts: their folder and the audit log stay.
type noticesRig struct {
	t   *testing.T
	dir string
	now time.Time
	log *audit.Log
}

// start is a program that was started with these stores. Its fleet is asked where ready.
func (r *noticesRig) start(list []stores.Store, ready bool) *storeNotices {
	r.t.Helper()
	history, err := notice.NewHistory(filepath.Join(r.dir, "notices"))
	if err != nil {
		r.t.Fatal(err)
	}
	followed := fleet.New()
	if ready {
		followed = readyFleet(r.t, list)
	}
	return &storeNotices{
		stores: list, org: notice.Org{Controller: "A", Contact: "B", URL: "https://a.example"}, fleet: followed, tags: func() int { return 0 },
		history: history, audit: r.log, now: func() time.Time { return r.now }, log: slog.New(slog.DiscardHandler),
	}
}

// readyFleet has read the topic to its end, and no sensor said anything.
func readyFleet(t *testing.T, list []stores.Store) *fleet.Fleet {
	t.Helper()
	f, cfg := fleet.New(), newNoticeRig(t).cfg
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Follow(ctx, fleet.Options{Config: cfg, Stores: list}) }()
	t.Cleanup(func() { stop(); <-ended })
	for !f.Progress(nil, 0, time.Time{}).Ready {
		select {
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return f
}

func newNoticesRig(t *testing.T) *noticesRig {
	t.Helper()
	r := &noticesRig{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	var err error
	if r.log, err = audit.Open(r.path(), "optout", func() time.Time { return r.now }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.log.Close() })
	return r
}

func (r *noticesRig) path() string { return filepath.Join(r.dir, "audit.jsonl") }

// policies are those of the log's policy_changed entries.
func (r *noticesRig) policies() string {
	r.t.Helper()
	raw, err := os.ReadFile(r.path())
	if err != nil {
		r.t.Fatal(err)
	}
	var said []string
	if _, err := audit.Read(bytes.NewReader(raw), func(e audit.Entry) error {
		if e.Kind == audit.PolicyChanged {
			said = append(said, fmt.Sprint(e.Facts["policy"]))
		}
		return nil
	}); err != nil {
		r.t.Fatal(err)
	}
	return strings.Join(said, " ")
}

// chainOf is one store of a policy, and others.
func chainOf(t *testing.T, text string) []stores.Store {
	t.Helper()
	list, err := stores.Parse([]byte("stores:\n" + text))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

const (
	standardStore = "  - {id: demo, time_zone: UTC, zones: [{id: shop, sensors: [{id: door}]}]}\n"
	countingStore = "  - {id: demo, time_zone: UTC, policy: count-only, zones: [{id: shop, sensors: [{id: door}]}]}\n"
	extendedStore = `  - {id: demo, time_zone: UTC, policy: extended, legal_basis: "consent of the members, recorded by the board", zones: [{id: shop, sensors: [{id: door}]}]}
`
	lateStore = "  - {id: late, time_zone: Europe/Berlin, seal_after: 24h, zones: [{id: shop, sensors: [{id: door}]}]}\n"
)

// TestAChangeOfStoresYAMLIsInTheAuditLog: it takes a restart, so the program that notes it never saw the policy before.
func TestAChangeOfStoresYAMLIsInTheAuditLog(t *testing.T) {
	r := newNoticesRig(t)
	for i, step := range []struct{ store, want string }{
		{standardStore, "standard"}, {standardStore, "standard"}, {countingStore, "standard count-only"}, {countingStore, "standard count-only"},
		{extendedStore, "standard count-only extended"},
	} {
		n := r.start(chainOf(t, step.store), true)
		for range 2 {
			if _, err := n.Notice("demo", "en"); err != nil {
				t.Fatal(err)
			}
		}
		r.now = r.now.Add(time.Hour)
		if got := r.policies(); got != step.want {
			t.Errorf("start %d: got the policies %q in the log, want %q", i, got, step.want)
		}
	}
}

// TestAfterADowngradeThePagesStateWhatIsStillHeld: codes of the day before are held for as long as they were to be, return codes too.
func TestAfterADowngradeThePagesStateWhatIsStillHeld(t *testing.T) {
	r := newNoticesRig(t)
	fleetOf := readyFleet(t, chainOf(t, standardStore))
	at := func(store string, after time.Duration) (optout.Store, string) {
		n := r.start(chainOf(t, store), false)
		n.fleet = fleetOf
		r.now = r.now.Add(after)
		got, err := n.Notice("demo", "en")
		if err != nil {
			t.Fatal(err)
		}
		return n.Stores()[0], got.Text(10000)
	}
	life := 35*time.Hour + 6*time.Minute
	month := 30*24*time.Hour + 5*time.Hour + 6*time.Minute
	for _, step := range []struct {
		store string
		after time.Duration // the step before
		codes time.Duration
		weeks int
		words string
	}{
		{standardStore, 0, life, 5, "For at most 35 hours and 6 minutes it holds codes"},
		{countingStore, time.Minute, life, 0, "The store is set to “counts only” now. Before that it worked as “standard”"},
		{countingStore, life - time.Minute, life, 0, "The store is set to “counts only” now."},
		{countingStore, 2 * time.Minute, 0, 0, "Only counts leave the sensors."},
		{extendedStore, time.Minute, month, 0, "return code of 64 bits"},
		{standardStore, time.Minute, month, 5, "The store is set to “standard” now. Before that it worked as “extended”"},
		{standardStore, month, life, 5, "For at most 35 hours and 6 minutes it holds codes"},
	} {
		sign, text := at(step.store, step.after)
		if sign.CodesFor != step.codes || sign.BitWeeks != step.weeks || sign.Unread != nil {
			t.Errorf("%s\n%v after: the sign says %+v, want %v and %d weeks", step.store, step.after, sign, step.codes, step.weeks)
		}
		if !strings.Contains(text, step.words) {
			t.Errorf("%s\n%v after: nothing about %q in\n%s", step.store, step.after, step.words, text)
		}
	}
	if got, want := r.policies(), "standard count-only extended standard"; got != want {
		t.Errorf("got the policies %q in the log, want %q", got, want)
	}
}

// TestBeforeTheSensorsAreReadThereIsNoSign: it is printed and hangs for years, and would state defaults as facts.
func TestBeforeTheSensorsAreReadThereIsNoSign(t *testing.T) {
	n := newNoticesRig(t).start(chainOf(t, standardStore+lateStore), false)
	list := n.Stores()
	if len(list) != 2 || list[0].Unread == nil || list[1].Unread == nil || list[0].CodesFor != 0 || list[1].Name != "late" {
		t.Errorf("got %+v, want both stores, and that nothing is known of them", list)
	}
	if _, err := n.Notice("demo", "en"); err == nil {
		t.Error("a notice was made before the sensors were read")
	}
}

// TestTheStoreThatSealsLastIsInTheNoticeOfEveryStore: they share the topic.
func TestTheStoreThatSealsLastIsInTheNoticeOfEveryStore(t *testing.T) {
	r := newNoticesRig(t)
	list := chainOf(t, standardStore+lateStore)
	n := r.start(list, true)
	want := 25*time.Hour + 24*time.Hour + time.Hour + 6*time.Minute + 6*time.Hour
	for _, one := range n.Stores() {
		if one.CodesFor != want {
			t.Errorf("%s: the sign says %v, want %v", one.ID, one.CodesFor, want)
		}
	}
	got, err := n.Notice("demo", "en")
	if err != nil {
		t.Fatal(err)
	}
	if text := got.Text(10000); !strings.Contains(text, "The day is closed 4 hours later, at 08:00. Then its codes leave the tables.") ||
		!strings.Contains(text, "lives at most 50 hours and 6 minutes if its sensor was online") || !strings.Contains(text, "at most 56 hours and 6 minutes") {
		t.Errorf("got\n%s", text)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"stores.yaml": "stores:\n" + standardStore + lateStore, "optout.yaml": noticeOrg} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	printed := (&noticeRig{t: t, dir: dir}).run("--store", "demo")
	if !strings.Contains(strings.Join(strings.Fields(printed), " "), "at most 56 hours and 6 minutes") {
		t.Errorf("footfall notice prints\n%s", printed)
	}
}

// TestFootfallNoticeStatesWhatIsStillHeld where it is given the history.
func TestFootfallNoticeStatesWhatIsStillHeld(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"stores.yaml": "stores:\n" + countingStore, "optout.yaml": noticeOrg} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	history, err := notice.NewHistory(filepath.Join(dir, "notices"))
	if err != nil {
		t.Fatal(err)
	}
	was := notice.Gather(notice.Input{Store: chainOf(t, standardStore)[0], Now: time.Now()})
	if _, _, _, err := history.Note(was, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	r := &noticeRig{t: t, dir: dir}
	words := "Before that it worked as “standard”"
	if text := strings.Join(strings.Fields(r.run("--history", filepath.Join(dir, "notices"))), " "); !strings.Contains(text, words) || !strings.Contains(text, "version 1, since ") {
		t.Errorf("got\n%s", text)
	}
	if text := r.run(); strings.Contains(text, words) {
		t.Errorf("without the history: got\n%s", text)
	}
}
