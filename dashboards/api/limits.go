package api

import "sync"

// requestsAtOnce is how many requests of one token are answered side by side.
const requestsAtOnce = 4

// limits count the requests that are under way, by the token's SHA-256.
type limits struct {
	mu   *sync.Mutex
	busy map[string]int
}

func newLimits() limits { return limits{new(sync.Mutex), map[string]int{}} }

// enter takes a place, or says that there is none.
func (l limits) enter(token string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy[token] >= requestsAtOnce {
		return false
	}
	l.busy[token]++
	return true
}

func (l limits) leave(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy[token]--; l.busy[token] <= 0 {
		delete(l.busy, token)
	}
}
