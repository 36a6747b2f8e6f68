package keys

import (
	"fmt"
	"log/slog"
)

// Everything that holds a key prints as a word, whatever the verb: %s would otherwise follow a pointer to its bytes. Fields that
// fmt may not call methods on are pointers, which it prints as addresses.

// Format keeps the seed out of every fmt verb.
func (s Seed) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[seed]")) }

// LogValue keeps the seed out of logs.
func (s Seed) LogValue() slog.Value { return slog.StringValue("[seed]") }

// Format keeps the key out of every fmt verb.
func (o OptOutKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[opt-out key]")) }

// LogValue keeps the key out of logs.
func (o OptOutKey) LogValue() slog.Value { return slog.StringValue("[opt-out key]") }

// Format keeps the chains out of every fmt verb.
func (b Bundle) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[bundle]")) }

// LogValue keeps the chains out of logs.
func (b Bundle) LogValue() slog.Value { return slog.StringValue("[bundle]") }

// Format keeps the chains out of every fmt verb.
func (s State) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[key state]")) }

// LogValue keeps the chains out of logs.
func (s State) LogValue() slog.Value { return slog.StringValue("[key state]") }

// Format keeps the chains out of every fmt verb.
func (c chain) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[chain]")) }

// Format keeps the keys out of every fmt verb.
func (h *Hasher) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[hasher]")) }

// LogValue keeps the keys out of logs.
func (h *Hasher) LogValue() slog.Value { return slog.StringValue("[hasher]") }
