package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store/engine"
	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/stores"
)

// servedAddress is the address that is registered, as somebody would type it. It is in the block reserved for documentation.
const servedAddress = "00-00-5E-00-53-7A"

// box is a running footfall serve.
type servedBox struct {
	t    *testing.T
	dir  string
	log  *lockedBuffer
	base string // of the pages
	end  context.CancelFunc
	done chan error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// text is what was written so far.
func (l *lockedBuffer) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// freePort is a port that nobody has at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // nothing was accepted
	return l.Addr().String()
}

// startServe starts it; the page with the stores' numbers is served where that is named first, and more lines of footfall.yaml may follow.
func startServe(t *testing.T, dir, kafka, metrics string, numbers ...string) *servedBox {
	t.Helper()
	if _, err := engine.Find(); err != nil {
		t.Skip(err)
	}
	file := filepath.Join(dir, "footfall.yaml")
	text := fmt.Sprintf("controller: Example Stores\ncontact: privacy@example.org\nurl: https://example.org\ndata: %s\nlisten: 127.0.0.1:0\nkafka_listen: %s\nmetrics: %s\nstore_page: %s\n",
		filepath.Join(dir, "data"), kafka, metrics, append(numbers, "off")[0])
	if len(numbers) > 1 {
		text += strings.Join(numbers[1:], "\n")
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var cfg serveConfig
	if err := readConfig(file, &cfg, (*serveConfig).check); err != nil {
		t.Fatal(err)
	}
	list, err := stores.Parse([]byte(demoStores))
	if err != nil {
		t.Fatal(err)
	}
	b := &servedBox{t: t, dir: dir, log: new(lockedBuffer), done: make(chan error, 1)}
	ctx, end := context.WithCancel(t.Context())
	b.end = end
	listening := make(chan net.Addr, 1)
	go func() {
		b.done <- serve(ctx, serveInput{cfg: cfg, stores: list, log: slog.New(slog.NewTextHandler(b.log, nil)), onListen: func(a net.Addr) { listening <- a }})
	}()
	select {
	case a := <-listening:
		b.base = "http://" + a.String()
	case err := <-b.done:
		t.Fatalf("serve ended: %v\n%s", err, b.log.text())
	}
	return b
}

func (b *servedBox) stop() {
	b.t.Helper()
	b.end()
	if err := <-b.done; err != nil {
		b.t.Errorf("serve ended with %v", err)
	}
}

// send sends a form, or gets the page where there is none, until the answer is not 503: the registry is being read then.
func (b *servedBox) send(path string, form url.Values) (status int, page string) {
	b.t.Helper()
	for range 200 {
		var r *http.Response
		var err error
		if form == nil {
			r, err = http.Get(b.base + path) //nolint:noctx // a test's
		} else {
			r, err = http.PostForm(b.base+path, form) //nolint:noctx // a test's
		}
		if err != nil {
			b.t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		if err = errors.Join(err, r.Body.Close()); err != nil {
			b.t.Fatal(err)
		}
		if r.StatusCode != http.StatusServiceUnavailable {
			return r.StatusCode, string(text)
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.t.Fatalf("%s stays unavailable", path)
	return 0, ""
}

var receiptCode = regexp.MustCompile(`[0-9A-Z]{5}(?:-[0-9A-Z]{5}){3}`)

func (b *servedBox) register() (receipt string) {
	b.t.Helper()
	status, page := b.send("/en/register", url.Values{"address": {servedAddress}})
	receipt = receiptCode.FindString(page)
	if status != http.StatusOK || receipt == "" {
		b.t.Fatalf("registering: got status %d and no receipt", status)
	}
	return receipt
}

// TestServe goes the way of a shopper through footfall serve: register twice, look up, undo; over a restart; and nothing on its
// disk or in its log holds the address or a receipt.
func TestServe(t *testing.T) {
	dir, kafka := t.TempDir(), freePort(t)
	metrics, numbers := freePort(t), freePort(t)
	b := startServe(t, dir, kafka, metrics, numbers)
	first := b.register()
	second := b.register()
	list := followed(t, kafka)
	eventually(t, "the sensors' list has both registrations", func() bool { return list.Len() == 2 })
	if _, page := b.send("/en/undo", url.Values{"receipt": {second}}); strings.Contains(page, second) {
		t.Error("the page after undoing still shows the receipt")
	}
	eventually(t, "the sensors' list has the first alone", func() bool { return list.Len() == 1 })
	if _, page := b.send("/en/notice/demo", nil); !strings.Contains(page, "Example Stores") || !strings.Contains(page, "Version 1") {
		t.Error("the notice names nobody, or no version")
	}
	if text := scrape(t, "http://"+metrics+"/metrics"); !strings.Contains(text, "footfall_optout_records 1") || !strings.Contains(text, "footfall_aggregate_") {
		t.Error("the metrics do not tell of one registration and of the aggregator")
	}
	if text := scrape(t, "http://"+numbers+"/"); !strings.Contains(text, "Demo Street 1") {
		t.Error("the page with the store's numbers does not name the store")
	}
	record := filepath.Join(dir, "data", "audit-serve.jsonl")
	eventually(t, "the retention is proven", func() bool {
		text, err := os.ReadFile(record)
		return err == nil && strings.Contains(string(text), string(audit.RetentionProof))
	})
	b.stop()

	b = startServe(t, dir, kafka, metrics, numbers)
	if _, page := b.send("/en/check", url.Values{"receipt": {first}}); !strings.Contains(strings.ToLower(page), "excluded") {
		t.Error("after a restart the first registration is not known")
	}
	_, gone := b.send("/en/check", url.Values{"receipt": {second}})
	_, never := b.send("/en/check", url.Values{"receipt": {"01234-56789-ABCDE-FGHJK"}})
	if strings.ReplaceAll(gone, second, "") != strings.ReplaceAll(never, "01234-56789-ABCDE-FGHJK", "") {
		t.Error("a receipt that was undone looks other than one that never was")
	}
	b.stop()

	checkServedAudit(t, record)
	found := searchServed(t, filepath.Join(dir, "data"), b.log.text(), first, second)
	if len(found) > 0 {
		t.Errorf("found %v", found)
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "planted"), []byte("x "+strings.ToLower(strings.ReplaceAll(servedAddress, "-", ":"))), 0o600); err != nil {
		t.Fatal(err)
	}
	if len(searchServed(t, filepath.Join(dir, "data"), "", first, second)) == 0 {
		t.Error("the search does not find an address that is there")
	}
}

// followed is the list as a sensor on this box would follow it.
func followed(t *testing.T, kafka string) *registry.List {
	list := registry.NewList()
	ctx, end := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = list.Follow(ctx, registry.FollowOptions{Config: broker.Config{Brokers: []string{kafka}}}) // it ends with the context
	}()
	t.Cleanup(func() { end(); <-done })
	return list
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 600 {
		if is() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("it never came that %s", what)
}

func scrape(t *testing.T, at string) string {
	t.Helper()
	r, err := http.Get(at) //nolint:noctx // a test's
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func checkServedAudit(t *testing.T, file string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read from
	kinds := map[audit.Kind]int{}
	if _, err := audit.Read(f, func(e audit.Entry) error { kinds[e.Kind]++; return nil }); err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[audit.Kind]int{audit.Started: 2, audit.OptOuts: 2, audit.NoticeChanged: 1, audit.PolicyChanged: 1} {
		if kinds[kind] != want {
			t.Errorf("got %d entries of %s, want %d", kinds[kind], kind, want)
		}
	}
	if kinds[audit.RetentionProof] == 0 {
		t.Error("no retention proof is noted")
	}
}

// searchServed looks for the address and the receipts, in the forms that they could be written in, in all files and the log.
func searchServed(t *testing.T, dir, log string, receipts ...string) (found []string) {
	t.Helper()
	s := newScanner()
	s.address(t, 0, [6]byte{0x00, 0x00, 0x5e, 0x00, 0x53, 0x7a})
	for i, r := range receipts {
		for _, form := range []string{r, strings.ReplaceAll(r, "-", ""), strings.ToLower(r)} {
			s.add(t, i+1, "receipt", []byte(form))
		}
	}
	s.scan("log", []byte(log))
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		s.scan(filepath.Base(path), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for h := range s.hits {
		found = append(found, fmt.Sprintf("%s in %s", h.form, h.where))
	}
	slices.Sort(found)
	return found
}
