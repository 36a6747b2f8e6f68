package guard

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// exhausted is a rig whose home has no free registration left, and a challenge for it.
func exhausted(t *testing.T, change ...func(*Options)) (*rig, Task) {
	t.Helper()
	r := newRig(t, append([]func(*Options){limits(func(l *Limits) { l.Bits, l.MaxBits = 8, 8 })}, change...)...)
	for range 5 {
		r.judge(home, Register, "")
	}
	d := r.judge(home, Register, "")
	r.want("above the free ones", d, Challenge)
	return r, d.Challenge
}

func TestProofs(t *testing.T) {
	flip := func(token string, at int) string {
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			t.Fatal(err)
		}
		raw[at] ^= 1
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	for _, row := range []struct {
		name   string
		proof  func(c Task) string
		from   string
		what   Kind
		passes time.Duration
		want   tokenResult
	}{
		{"work", solve, home, Register, 0, tokenWorked},
		{"work at the last moment", solve, home, Register, TokenLife, tokenWorked},
		{"work after a new key", solve, home, Register, TokenLife - time.Second, tokenWorked},
		{"work too late", solve, home, Register, TokenLife + time.Millisecond, tokenExpired},
		{"work for another source", solve, "192.0.2.8:1", Register, 0, tokenWrong},
		{"work for another kind", solve, home, Undo, 0, tokenWrong},
		{"patience", func(c Task) string { return c.Token }, home, Register, 20 * time.Second, tokenWaited},
		{"patience with a colon", func(c Task) string { return c.Token + ":" }, home, Register, 20 * time.Second, tokenWaited},
		{"patience beside bad work", lazy, home, Register, 20 * time.Second, tokenWaited},
		{"too little patience", func(c Task) string { return c.Token }, home, Register, 20*time.Second - time.Nanosecond, tokenEarly},
		{"too little work", lazy, home, Register, 0, tokenEarly},
		{"less work asked for", func(c Task) string { return solve(Task{Token: flip(c.Token, 1), Bits: 1}) }, home, Register, 0, tokenWrong},
		{"less patience asked for", func(c Task) string { return flip(c.Token, 3) }, home, Register, 0, tokenWrong},
		{"made later", func(c Task) string { return flip(c.Token, 11) }, home, Register, time.Minute, tokenWrong},
		{"made in another life", func(c Task) string { return flip(c.Token, 4) }, home, Register, 0, tokenExpired},
		{"not random", func(c Task) string { return flip(c.Token, 19) }, home, Register, 0, tokenWrong},
		{"another code", func(c Task) string { return flip(c.Token, 35) }, home, Register, 0, tokenWrong},
		{"cut", func(c Task) string { return c.Token[:47] }, home, Register, time.Minute, tokenWrong},
		{"two nonces", func(c Task) string { return solve(c) + ":1" }, home, Register, 0, tokenWrong},
		{"a long nonce", func(c Task) string { return c.Token + ":" + strings.Repeat("a", 33) }, home, Register, time.Minute, tokenWrong},
		{"a strange nonce", func(c Task) string { return c.Token + ": 1" }, home, Register, time.Minute, tokenWrong},
		{"nonsense", func(Task) string { return "let me in" }, home, Register, 0, tokenWrong},
		{"much nonsense", func(Task) string { return strings.Repeat("a:", 1<<16) }, home, Register, 0, tokenWrong},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, c := exhausted(t, limits(func(l *Limits) { l.Free, l.LookFree = Rate{5, SourceLife}, Rate{1, SourceLife} }))
			for range 5 {
				r.judge("192.0.2.8:1", Register, "")
			}
			r.judge(home, Undo, "")
			r.pass(row.passes)
			d := r.judge(row.from, row.what, row.proof(c))
			want := Challenge
			if row.want == tokenWorked || row.want == tokenWaited {
				want = Admit
			}
			r.want("verdict", d, want)
			if got := r.metric("tokens_total", string(row.want)); got != 1 {
				t.Errorf("got %v tokens that are %s, want 1", got, row.want)
			}
			if d.Challenge.Token == c.Token {
				t.Error("the same token was given again")
			}
		})
	}
}

func TestAProofIsGoodOnce(t *testing.T) {
	r, c := exhausted(t)
	r.pass(30 * time.Second)
	r.want("first", r.judge(home, Register, solve(c)), Admit)
	r.want("again", r.judge(home, Register, solve(c)), Challenge)
	r.want("now by waiting", r.judge(home, Register, c.Token), Challenge)
	if got := r.metric("tokens_total", "used"); got != 2 {
		t.Errorf("got %v used tokens, want 2", got)
	}
	r.pass(TokenLife + sweepEvery + 2*time.Second)
	r.judge("192.0.2.9:1", Check, "")
	if n := len(r.g.used); n != 0 {
		t.Errorf("got %d tokens remembered, want none after their life", n)
	}
	r.want("after it was forgotten", r.judge(home, Register, solve(c)), Admit) // free again by now
	if got := r.metric("tokens_total", "used"); got != 2 {
		t.Errorf("got %v used tokens, want still 2: a proof that is not needed is not looked at", got)
	}
}

func TestAProofThatIsNotNeededStaysGood(t *testing.T) {
	r, c := exhausted(t)
	r.pass(time.Minute)
	r.want("free again", r.judge(home, Register, solve(c)), Admit)
	r.want("with the proof", r.judge(home, Register, solve(c)), Admit)
}

// TestWaitingCannotBeDoneManyTimesAtOnce collects many tokens first and then waits once.
func TestWaitingCannotBeDoneManyTimesAtOnce(t *testing.T) {
	r, c := exhausted(t, limits(func(l *Limits) { l.Free, l.Proved = Rate{5, SourceLife}, Rate{1000, time.Second} }))
	tokens := []string{c.Token}
	for range 99 {
		tokens = append(tokens, r.judge(home, Register, "").Challenge.Token)
	}
	admitted := 0
	for range 5 {
		r.pass(time.Minute)
		for _, token := range tokens {
			if r.judge(home, Register, token).Verdict == Admit {
				admitted++
			}
		}
	}
	if want := 3 * 5; admitted != want { // three at once, and three a minute
		t.Errorf("got %d admitted in five minutes, want %d", admitted, want)
	}
	if r.metric("tokens_total", "busy") < 300 {
		t.Errorf("got %v tokens that came too soon after another", r.metric("tokens_total", "busy"))
	}
}

func TestTheMemoryOfUsedTokensIsBounded(t *testing.T) {
	r := newRig(t, limits(func(l *Limits) { l.Tokens, l.LookProved = 20, Rate{1000, time.Second} }))
	for range 60 {
		r.prove(home, Check)
	}
	if n, full := len(r.g.used), r.metric("tokens_total", "full"); n != 20 || full != 30 {
		t.Errorf("got %d remembered and %v refused, want 20 and 30", n, full)
	}
}

// TestTheVectorOfTheBrowserScript is what the page's script must agree with.
func TestTheVectorOfTheBrowserScript(t *testing.T) {
	const token = "ABQAFAAAAZyz1kAAAAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
	for _, row := range []struct {
		nonce string
		want  int
	}{{"0", 1}, {"2", 2}, {"8", 5}, {"235", 9}, {"57765", 15}, {"183277", 18}} {
		if got := zeros(token + ":" + row.nonce); got != row.want {
			t.Errorf("nonce %s: got %d zero bits, want %d", row.nonce, got, row.want)
		}
	}
}

func FuzzProof(f *testing.F) {
	g, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	n := subnet{family: 4}
	d, err := g.challenge(n, Register, &entry{}, 0)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(d.Challenge.Token)
	f.Add(d.Challenge.Token + ":1")
	f.Add(d.Challenge.Token + "::")
	f.Add(strings.Repeat("A", tokenChars) + ":zZ9")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		p, ok := parseProof(text)
		if ok {
			if base64.RawURLEncoding.EncodeToString(append(p.body[:], p.id[:]...)) != p.text || len(p.nonce) > maxNonce {
				t.Errorf("%q was read as something else", text)
			}
			if p.nonce == "" && p.worked() {
				t.Error("no nonce is work")
			}
		}
		if strings.HasPrefix(text, d.Challenge.Token) {
			return // this one may be good
		}
		switch got := g.check(n, Register, text, &entry{}, 0); got {
		case tokenWrong, tokenExpired:
		default:
			t.Errorf("%q: got %s, want wrong or expired: it is not ours", text, got)
		}
	})
}
