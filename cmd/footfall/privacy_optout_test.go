//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/openfootfall/footfall/sensor/optout"
)

// TestNoAddressNoReceiptAndNoSourceIsAnywhereButInTheRequest registers 360 known addresses at a footfall serve, typed in every form
// and with every mistake, from as many network addresses, at home and at a service desk, looks some up and undoes some; floods it so
// that registrations are held, and has an operator release and drop them; prints the notice, the audit and an incident's snapshot.
// Meanwhile a sensor sends sightings of the same phones, another hears them live, and footfall serve is killed in the midst
// of registrations in each way in which a program prints what it was doing. Then every address, every receipt and every source is
// looked for in all that is left: topics, tables, every file, what the processes printed, metrics, reports, error pages. The ids
// of the day are in the topic of sightings and the table device_days, and nowhere else.
func TestNoAddressNoReceiptAndNoSourceIsAnywhereButInTheRequest(t *testing.T) {
	list := newCanaries(360, 77)
	b := newBox24(t)
	people := b.shoppers(list)
	look := b.scannerOf(list, people)
	captures := t.TempDir()
	b.listens(list[:200])
	b.door.run(canaryDay(t, filepath.Join(captures, "day.pcap"), b.store, b.today(), list, 1))

	mistakes(t, look, people[0], list[0])
	normal, flood := people[:320], people[320:]
	receipts := map[*shopper]string{}
	signals := []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGSEGV}
	for i, signal := range signals {
		waiting := normal[i*100 : (i+1)*100]
		if i == len(signals)-1 {
			waiting = normal[i*100:]
		}
		b.hears(list[:200])
		half := b.halfSent(people[i])
		done, left := b.registerAll(waiting, len(waiting)/2, signal)
		<-b.ended
		_ = half.Close()
		b.start()
		again, none := b.registerAll(left, 0, 0)
		if len(left) == 0 || len(none) > 0 || len(done) < len(waiting)/2 {
			t.Errorf("%v: %d were registered before, %d not, %d never: it was not killed in the midst", signal, len(done), len(left), len(none))
		}
		for _, some := range []map[*shopper]string{done, again} {
			for s, receipt := range some {
				receipts[s] = receipt
				b.receipt(look, receipt)
			}
		}
		b.until("every registration in the registry", func() bool { return b.metric("footfall_optout_records") >= len(receipts) })
	}
	if len(receipts) != len(normal) {
		t.Fatalf("%d are registered, want %d", len(receipts), len(normal))
	}
	b.lookUpAndUndo(look, receipts)
	b.flood(look, flood)
	b.print()
	b.until("the sightings at the aggregator", func() bool { return b.metric(`footfall_aggregate_messages_total{topic="footfall.sightings.v1"}`) > 0 })
	b.searchTopics(look)
	b.stop(syscall.SIGTERM)
	b.noCrashLeaks(len(signals))
	b.search(look)
	b.onlyWhereIDsBelong(list)
	b.controls(look, list, people, receipts)
}

// scannerOf looks for all addresses and all sources.
func (b *box24) scannerOf(list []canary, people []*shopper) *scanner {
	look := newScanner()
	for i, c := range list {
		look.address(b.t, i, c.addr)
		from := netip.MustParseAddr(people[i].from)
		long := from.As16()
		look.add(b.t, i, "source, text", []byte(people[i].from))
		look.add(b.t, i, "source, raw", long[:])
		look.add(b.t, i, "source, hex", []byte(join(long[:], "")))
		texts := [][]byte{[]byte(people[i].from), long[:]}
		if from.Is6() {
			look.add(b.t, i, "source, network", long[:7])
		} else {
			texts = append(texts, long[12:])
		}
		hashes(texts, func(form string, text []byte) { look.add(b.t, i, "source, "+form, text) })
	}
	return look
}

// receipt looks for a receipt too, in the forms in which it is shown, typed and could be kept. Its key in the registry is a hash
// under a prefix of its own, and none of them.
func (b *box24) receipt(look *scanner, code string) {
	b.t.Helper()
	raw, err := optout.ParseReceipt([]byte(code))
	if err != nil {
		b.t.Fatal(err)
	}
	bare := strings.ReplaceAll(code, "-", "")
	var texts [][]byte
	for _, form := range []string{code, bare, strings.ToLower(code), strings.ToLower(bare)} {
		texts = append(texts, []byte(form))
		look.add(b.t, len(look.patterns), "receipt, text", []byte(form))
	}
	spell(raw[:], func(form string, text []byte) { look.add(b.t, len(look.patterns), "receipt, "+form, text) })
	hashes(append(texts, raw[:]), func(form string, text []byte) { look.add(b.t, len(look.patterns), "receipt, "+form, text) })
}

// mistakes are what is typed, sent and asked wrongly with an address and a receipt that nobody got.
func mistakes(t *testing.T, look *scanner, s *shopper, c canary) {
	t.Helper()
	const form = "application/x-www-form-urlencoded"
	hex, receipt := join(c.addr[:], ""), "01234-56789-ABCDE-FGHJK"
	s.b.receipt(look, receipt)
	group := c.addr
	group[0] |= 1
	look.address(t, -1, group)
	for name, typed := range map[string]string{"short": hex[:11], "long": hex + "7", "letter O": hex[:10] + "Oo", "what is none": hex[:10] + "?!"} {
		look.add(t, -1, "mistyped: "+name, []byte(typed))
		if status, _, err := s.post("/en/register", url.Values{"address": {typed}}); err != nil || status != http.StatusUnprocessableEntity {
			t.Errorf("an address that is %s: got status %d, %v", name, status, err)
		}
	}
	address := url.QueryEscape(s.typed)
	for name, r := range map[string]struct {
		method, path, kind, body, header, value string
		want                                    int
	}{
		"a group address":    {"POST", "/en/register", form, "address=" + join(group[:], ":"), "", "", 422},
		"in a receipt":       {"POST", "/de/check", form, "receipt=" + address, "", "", 422},
		"a wrong receipt":    {"POST", "/en/check", form, "receipt=" + receipt, "", "", 200},
		"its undo":           {"POST", "/en/undo", form, "receipt=" + strings.ToLower(receipt), "", "", 200},
		"in a query":         {"GET", "/en/register?address=" + address, "", "", "", "", 405},
		"in a path":          {"GET", "/en/" + address, "", "", "", "", 404},
		"in an odd path":     {"GET", "/" + hex + "/../" + receipt, "", "", "", "", 404},
		"in a method":        {"PUT", "/en/check?receipt=" + receipt, form, "receipt=" + receipt, "", "", 405},
		"as text":            {"POST", "/en/register", "text/plain", s.typed, "", "", 400},
		"a broken escape":    {"POST", "/en/register", form, "address=%zz" + address, "", "", 400},
		"twice":              {"POST", "/en/register", form, "address=" + address + "&address=" + address, "", "", 400},
		"too large":          {"POST", "/en/register", form, "address=" + strings.Repeat(address, 300), "", "", 413},
		"from elsewhere":     {"POST", "/en/register", form, "address=" + address, "Sec-Fetch-Site", "cross-site", 403},
		"headers too large":  {"GET", "/en/", "", "", "Cookie", "a=" + strings.Repeat(address, 700), 431},
		"in headers":         {"GET", "/en/", "", "", "User-Agent", hex + " " + receipt, 200},
		"a notice of nobody": {"GET", "/en/notice/" + hex, "", "", "", "", 404},
	} {
		var headers []string
		if r.header != "" {
			headers = []string{r.header, r.value}
		}
		status, _, err := s.send(r.method, r.path, r.kind, r.body, headers...)
		if err != nil && r.want == http.StatusRequestHeaderFieldsTooLarge {
			continue // the connection was reset before the answer was read, because more headers were on their way
		}
		if err != nil || status != r.want {
			t.Errorf("%s: got status %d, %v, want %d", name, status, err, r.want)
		}
	}
	garbage := s.b.halfSent(s)
	if _, err := io.WriteString(garbage, "\r\n"+hex+" "+receipt+"\r\n\r\n"); err != nil {
		t.Error(err)
	}
	_ = garbage.Close()
}

// halfSent is a connection on which the end of an address is still to come.
func (b *box24) halfSent(s *shopper) net.Conn {
	b.t.Helper()
	c, err := new(net.Dialer).DialContext(b.t.Context(), "tcp", b.at)
	if err == nil {
		_, err = fmt.Fprintf(c, "POST /en/register HTTP/1.1\r\nHost: example.org\r\nX-Forwarded-For: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
			"Content-Length: 300\r\n\r\naddress=%s&", s.from, url.QueryEscape(s.typed))
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// lookUpAndUndo has some look their registration up, after all the crashes, and some undo it.
func (b *box24) lookUpAndUndo(look *scanner, receipts map[*shopper]string) {
	b.t.Helper()
	n, undone, before := 0, 0, b.metric("footfall_optout_records") // who was answered by a crash may be registered too
	for s, receipt := range receipts {
		if n++; n%8 != 0 {
			continue
		}
		typed := []string{receipt, strings.ToLower(receipt), strings.ReplaceAll(receipt, "-", " ")}[n/8%3]
		if status, page, err := s.post("/en/check", url.Values{"receipt": {typed}}); err != nil || status != http.StatusOK || !strings.Contains(page, "Excluded since") {
			b.t.Errorf("looking up: got status %d, %v, want a page that says that the address is excluded", status, err)
		}
		if n%16 == 0 {
			undone++
			if status, page, err := s.post("/de/undo", url.Values{"receipt": {typed}}); err != nil || status != http.StatusOK || strings.Contains(page, receipt) {
				b.t.Errorf("undoing: got status %d, %v, or a page with the receipt", status, err)
			}
		}
	}
	b.until("the undos in the registry", func() bool { return b.metric("footfall_optout_records") == before-undone })
}

// flood registers much from two sources; an operator releases what was held of one, and drops what was held of the other.
func (b *box24) flood(look *scanner, people []*shopper) {
	b.t.Helper()
	held := 0
	for i, s := range people {
		one := *s
		one.from = people[i/20*20].from
		receipt, waits, err := one.register()
		if err != nil {
			b.t.Fatalf("registration %d of a flood: %v", i, err)
		}
		b.receipt(look, receipt)
		if waits {
			held++
		}
	}
	if held < 4 {
		b.t.Errorf("%d registrations were held, want some of each source", held)
	}
	kafka := []string{"optout", "review", "--kafka", b.brokers[0]}
	bursts := regexp.MustCompile(`(?m)^[0-9a-f]{8} `).FindAllString(b.command("review", kafka...), -1)
	if len(bursts) != 2 {
		b.t.Fatalf("%d bursts are in quarantine, want 2", len(bursts))
	}
	b.command("release", append(kafka, "--release", strings.TrimSpace(bursts[0]))...)
	b.command("drop", append(kafka, "--drop", "all")...)
}

// command runs a program as an operator does. What it prints is searched later.
func (b *box24) command(name string, args ...string) string {
	b.t.Helper()
	text, err := b.program("footfall", args...).CombinedOutput()
	if err != nil || len(text) == 0 {
		b.t.Errorf("footfall %s: %v\n%s", name, err, text)
	}
	b.texts["footfall "+name] = text
	return string(text)
}

// print has everything printed that people look at.
func (b *box24) print() {
	b.t.Helper()
	kafka, list := "--kafka="+b.brokers[0], "--stores="+b.path("stores.yaml")
	b.command("notice", "notice", list, "--store", "corner", "--config", b.path("footfall.yaml"), kafka, "--history", b.path("data/notices"))
	b.command("notice in JSON", "notice", list, "--config", b.path("footfall.yaml"), kafka, "--json")
	b.command("audit", "audit", list, kafka, "--clickhouse=", "--log", b.path("audit.jsonl"))
	b.command("audit show", "audit", "show", b.path("data/audit-serve.jsonl"))
	b.command("incident", "incident", "snapshot", list, kafka, "--clickhouse=", "--out", b.path("snapshot.json"))
	b.texts["metrics"] = []byte(scrape(b.t, "http://"+b.metricsAt+"/metrics"))
	for _, page := range []string{"/en/", "/de/notice/corner", "/en/sign/corner", "/en/help", "/en/desk"} {
		r, err := http.Get("http://" + b.at + page) //nolint:noctx // a test's
		if err != nil {
			b.t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		if _ = r.Body.Close(); err != nil || r.StatusCode != http.StatusOK {
			b.t.Errorf("%s: got status %d, %v", page, r.StatusCode, err)
		}
		b.texts[page] = text
	}
}

// metric is the value of one series now; -1 where there is none.
func (b *box24) metric(series string) int {
	b.t.Helper()
	value := -1
	for line := range strings.Lines(scrape(b.t, "http://"+b.metricsAt+"/metrics")) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			var f float64
			_, _ = fmt.Sscan(rest, &f)
			value = int(f)
		}
	}
	return value
}
