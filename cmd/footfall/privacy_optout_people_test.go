//go:build linux

package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/bits"
	mathrand "math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// shopper is somebody at a network address who has an address registered.
type shopper struct {
	b      *box24
	from   string
	typed  string
	random bool
	desk   bool
}

// send sends a request as the proxy in front passes it on, and says what came back.
func (s *shopper) send(method, path, kind, body string, headers ...string) (status int, page string, err error) {
	r, err := http.NewRequestWithContext(s.b.t.Context(), method, "http://"+s.b.at+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("X-Forwarded-For", s.from)
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Referer", "https://example.org/?address="+url.QueryEscape(s.typed))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	text, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return 0, "", err
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	fmt.Fprintln(&s.b.echo, answer.Header)
	if answer.StatusCode >= 400 && answer.StatusCode != http.StatusUnprocessableEntity {
		s.b.echo.Write(text)
	}
	return answer.StatusCode, string(text), nil
}

var (
	asksProof  = regexp.MustCompile(`data-bits="(\d+)"`)
	proofToken = regexp.MustCompile(`name="proof" value="([^"]+)"`)
)

// post sends a form, and works where that is asked for.
func (s *shopper) post(path string, form url.Values) (status int, page string, err error) {
	status, page, err = s.send(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
	if task := asksProof.FindStringSubmatch(page); err == nil && task != nil {
		n, _ := strconv.Atoi(task[1])
		form.Set("proof", solve(proofToken.FindStringSubmatch(page)[1], n))
		status, page, err = s.send(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
	}
	return status, page, err
}

// solve finds what work.js finds: a number after which the token's hash begins with zero bits.
func solve(token string, zeros int) string {
	for n := 0; ; n++ {
		proof := token + ":" + strconv.Itoa(n)
		sum := sha256.Sum256([]byte(proof))
		got := 0
		for _, b := range sum {
			got += bits.LeadingZeros8(b)
			if b != 0 {
				break
			}
		}
		if got >= zeros {
			return proof
		}
	}
}

// register goes the whole way of a registration; a made-up address is confirmed on the page that asks. Held says that it waits for
// an operator.
func (s *shopper) register() (receipt string, held bool, err error) {
	form := url.Values{"address": {s.typed}}
	if s.desk {
		form.Set("desk", "1")
	}
	status, page, err := s.post("/en/register", form)
	if err == nil && s.random {
		if receiptCode.MatchString(page) {
			return "", false, errors.New("a made-up address was registered without a question")
		}
		form.Set("confirm", "1")
		status, page, err = s.post("/de/register", form)
	}
	if err != nil {
		return "", false, err
	}
	receipt = receiptCode.FindString(page)
	if status != http.StatusOK && status != http.StatusAccepted || receipt == "" {
		return "", false, fmt.Errorf("got status %d and the receipt %t", status, receipt != "")
	}
	return receipt, status == http.StatusAccepted, nil
}

// shoppers are the canaries' owners, each at an address of its own, of both families.
func (b *box24) shoppers(list []canary) []*shopper {
	r := mathrand.New(mathrand.NewChaCha8([32]byte{'s'}))
	octet := func() int { return 100 + r.IntN(100) }
	var out []*shopper
	seen := map[string]bool{}
	for i := 0; len(out) < len(list); i++ {
		s := &shopper{b: b, from: fmt.Sprintf("%d.%d.%d.%d", octet(), octet(), octet(), octet())}
		if i%2 == 1 {
			s.from = netip.MustParseAddr(fmt.Sprintf("2a01:%x:%x:%x:%x::%x", 4096+r.IntN(60000), 4096+r.IntN(60000), 4096+r.IntN(60000), r.IntN(60000), 1+r.IntN(60000))).String()
		}
		if seen[s.from] {
			continue
		}
		seen[s.from] = true
		c := list[len(out)]
		s.typed, s.random, s.desk = asTyped(c.addr, len(out)), !c.stable(), len(out)%9 == 4
		out = append(out, s)
	}
	return out
}

// asTyped writes an address in one of the forms that people type and paste.
func asTyped(a [6]byte, form int) string {
	switch form % 10 {
	case 1:
		return strings.ToUpper(join(a[:], "-"))
	case 2:
		return fmt.Sprintf("%x.%x.%x", a[:2], a[2:4], a[4:])
	case 3:
		return join(a[:], " ")
	case 4:
		return join(a[:], "")
	case 5:
		return strings.ToUpper(join(a[:], ""))
	case 6:
		return "  " + strings.ToUpper(join(a[:], ":")) + "\r\n"
	case 7:
		return join(a[:], "\u2013")
	case 8:
		return strings.ToUpper(join(a[:3], ":")) + "\uff1a" + join(a[3:], ".")
	case 9:
		return join(a[:], ".")
	}
	return join(a[:], ":")
}

// registerAll lets eight people at a time register, until all are done or the process is killed, which happens after as many as
// killAfter are done. What was not done then is tried again by the next call: people do.
func (b *box24) registerAll(waiting []*shopper, killAfter int, signal syscall.Signal) (receipts map[*shopper]string, left []*shopper) {
	b.t.Helper()
	receipts = map[*shopper]string{}
	var mu sync.Mutex
	var done atomic.Int64
	queue := make(chan *shopper, len(waiting))
	for _, s := range waiting {
		queue <- s
	}
	close(queue)
	var group sync.WaitGroup
	var dying atomic.Bool
	for range 8 {
		group.Go(func() {
			for s := range queue {
				receipt, held, err := s.register()
				mu.Lock()
				switch {
				case err == nil && !held:
					receipts[s] = receipt
				case dying.Load():
					left = append(left, s)
				default:
					b.t.Errorf("a registration failed: held %v, %v", held, err)
				}
				mu.Unlock()
				if signal != 0 && done.Add(1) == int64(killAfter) {
					dying.Store(true)
					_ = b.serve.Process.Signal(signal)
				}
			}
		})
	}
	group.Wait()
	return receipts, left
}
