package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/openfootfall/footfall/ingest/wire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	day    = 2200                                              // 2026-01-09
	opened = int64(1577836800000) + day*86400000 + 9*3600*1000 // 09:00 UTC of that day
)

func header(change func(*wire.Header)) *wire.Header {
	h := &wire.Header{
		Store: "berlin-1", Sensor: "door", Zone: "entrance", Boot: 0x0102030405060708, Sequence: 7, StoreDay: day,
		BaseMs: opened, OptoutVersion: 12, Policy: wire.Policy_POLICY_STANDARD,
	}
	if change != nil {
		change(h)
	}
	return h
}

// samples is one valid envelope of every kind.
func samples() map[string]*wire.Envelope {
	var sb wire.SightingsBuilder
	sb.Add(0xfedcba9876543210, opened+5000, 6)
	sb.Add(0x1122334455667788, opened+1000, 4)
	sb.Add(0x1122334455667788, opened+41500, 5)
	sb.Answer(0x1122334455667788, 0b10110)
	sightings, base := sb.Build()
	sightings.FilterOnes, sightings.LookbackWeeks, sightings.FilterNew = []uint32{7900, 8000, 8100, 8200, 8300}, 3, true

	var cb wire.CountersBuilder
	cb.Add(wire.Minute{
		Minute: opened / 60000, ListenedS: 60, MemoryAge: 0, FramesRandom: 90, FramesStable: 30, PassersBy: 2,
		Rows: []wire.CounterRow{{Class: 700, Band: 5, Bursts: 3, Fresh: 2, Back: 4}, {Class: 3, Band: 7, Bursts: 1, Fresh: 1}},
	})
	cb.Add(wire.Minute{
		Minute: opened/60000 + 2, ListenedS: 58, MemoryAge: 2, FramesRandom: 40, ExcludedLong: 1, RowsDropped: 9,
		Rows: []wire.CounterRow{{Class: 1023, Band: 2, Bursts: 2, Back: 15}},
	})
	var xb wire.SightingsBuilder
	xb.Add(0xfedcba9876543210, opened+5000, 6)
	xb.Add(0x1122334455667788, opened+1000, 4)
	xb.Return(0xfedcba9876543210, 0x0a0b0c0d0e0f1011, 0x2021222324252627)
	extended, extendedBase := xb.Build()
	extended.ReturnPeriod = day / 28
	isExtended := func(h *wire.Header) { h.Policy = wire.Policy_POLICY_EXTENDED }
	return map[string]*wire.Envelope{
		"sightings_extended": {
			Header: header(func(h *wire.Header) { isExtended(h); h.BaseMs = extendedBase }),
			Body:   &wire.Envelope_Sightings{Sightings: extended},
		},
		"forget_extended": {Header: header(isExtended), Body: &wire.Envelope_Forget{Forget: &wire.Forget{
			Id: 0x1122334455667788, ReturnIds: []uint64{0x0a0b0c0d0e0f1011, 0x2021222324252627}, ReturnPeriod: day / 28,
		}}},
		"sightings": {
			Header: header(func(h *wire.Header) { h.BaseMs = base }),
			Body:   &wire.Envelope_Sightings{Sightings: sightings},
		},
		"counters": {
			Header: header(func(h *wire.Header) { h.ClassEpoch = day*16 + 2 }),
			Body:   &wire.Envelope_Counters{Counters: cb.Build()},
		},
		"rollup": {
			Header: header(func(h *wire.Header) { h.Policy = wire.Policy_POLICY_COUNT_ONLY }),
			Body: &wire.Envelope_Rollup{Rollup: wire.NewRollup(wire.Rollup_CAUSE_POLICY,
				[]wire.QuarterCount{{Quarter: opened/900000 + 3, Devices: 9}, {Quarter: opened / 900000, Devices: 4}})},
		},
		"heartbeat": {
			Header: header(nil),
			Body: &wire.Envelope_Heartbeat{Heartbeat: &wire.Heartbeat{
				CaptureMs: opened + 60000, EndOfInput: true, FailClosed: []string{"clock"}, Frames: 4000,
				Drops: []*wire.Drop{{Reason: "bad_fcs", Count: 3}}, Software: "0.1.0", OptoutAgeS: 30, Sightings: 3, Held: 1,
			}},
		},
		"forget": {Header: header(nil), Body: &wire.Envelope_Forget{Forget: &wire.Forget{Id: 0x1122334455667788}}},
		"seal": {
			Header: header(func(h *wire.Header) { h.Sensor, h.Zone = "", "" }),
			Body:   &wire.Envelope_Seal{Seal: &wire.Seal{DueMs: opened + 86400000}},
		},
	}
}

func TestGolden(t *testing.T) {
	for name, sample := range samples() {
		t.Run(name, func(t *testing.T) {
			raw, err := wire.Encode(sample)
			if err != nil {
				t.Fatalf("Encode: %v", err)
			}
			if got := sample.Kind(); got != strings.TrimSuffix(name, "_extended") {
				t.Errorf("kind: got %q, want %q", got, name)
			}
			file := filepath.Join("testdata", name+".hex")
			if *update {
				if err := os.WriteFile(file, []byte(hex.EncodeToString(raw)+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("read the golden file (go test -update writes it): %v", err)
			}
			golden, err := hex.DecodeString(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(raw, golden) {
				t.Errorf("bytes on the wire: got %x, want %x", raw, golden)
			}
			back, err := wire.Decode(golden)
			if err != nil {
				t.Fatalf("Decode: %v", err)
			}
			if !proto.Equal(back, sample) {
				t.Errorf("decoded: got %v, want %v", back, sample)
			}
		})
	}
}

func TestDecodeSkipsUnknownFields(t *testing.T) {
	raw, err := wire.Encode(samples()["heartbeat"])
	if err != nil {
		t.Fatal(err)
	}
	raw = protowire.AppendTag(raw, 900, protowire.BytesType)
	raw = protowire.AppendBytes(raw, []byte("of a newer sensor"))
	got, err := wire.Decode(raw)
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	if want := samples()["heartbeat"]; !proto.Equal(got, want) {
		t.Errorf("decoded: got %v, want %v", got, want)
	}
}

func TestDecodeNamesUnknownKinds(t *testing.T) {
	raw, err := proto.Marshal(&wire.Envelope{Header: header(nil)})
	if err != nil {
		t.Fatal(err)
	}
	raw = protowire.AppendTag(raw, 40, protowire.BytesType)
	raw = protowire.AppendBytes(raw, []byte{1, 2, 3})
	_, err = wire.Decode(raw)
	if !errors.Is(err, wire.ErrUnknownKind) {
		t.Fatalf("error: got %v, want ErrUnknownKind", err)
	}
	var invalid *wire.InvalidError
	if !errors.As(err, &invalid) || invalid.Header.GetStore() != "berlin-1" {
		t.Errorf("header for the dead letter: got %v, want berlin-1's", invalid.Header)
	}
}

func TestDecodeBroken(t *testing.T) {
	huge := protowire.AppendTag(nil, 2, protowire.BytesType)
	huge = protowire.AppendVarint(huge, 1<<40)
	tests := []struct {
		name string
		raw  []byte
		want string
	}{
		{"empty", nil, wire.ReasonUnknownKind},
		{"text", []byte("hello, here is no envelope"), wire.ReasonBroken},
		{"a length of a terabyte", huge, wire.ReasonBroken},
		{"larger than MaxBytes", make([]byte, wire.MaxBytes+1), wire.ReasonBroken},
		{"a store that is not UTF-8", []byte{0x0a, 0x03, 0x0a, 0x01, 0xff}, wire.ReasonBroken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := wire.Decode(tt.raw)
			var invalid *wire.InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("error: got %v, want an InvalidError", err)
			}
			if invalid.Reason != tt.want || e != nil {
				t.Errorf("got %q and %v, want %q and no envelope", invalid.Reason, e, tt.want)
			}
			if !slices.Contains(wire.Reasons(), invalid.Reason) {
				t.Errorf("reason %q is not in the closed list", invalid.Reason)
			}
		})
	}
}

func TestDecodeTruncatedAnywhere(t *testing.T) {
	for name, sample := range samples() {
		raw, err := wire.Encode(sample)
		if err != nil {
			t.Fatal(err)
		}
		for n := range raw {
			if e, err := wire.Decode(raw[:n]); err == nil && proto.Equal(e, sample) {
				t.Errorf("%s cut at byte %d: got the whole envelope, want an error or less of it", name, n)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, sample := range samples() {
		raw, err := wire.Encode(sample)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	state, err := wire.Encode(sensorState())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(state)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := wire.Decode(raw)
		if err != nil {
			var invalid *wire.InvalidError
			if !errors.As(err, &invalid) || !slices.Contains(wire.Reasons(), invalid.Reason) || e != nil {
				t.Fatalf("got %v and %v, want an InvalidError with a reason of the closed list and no envelope", e, err)
			}
			return
		}
		var run wire.Run
		for runs := e.GetSightings().Runs(); runs.Next(&run); {
			if len(run.DeltasMS) != len(run.Bands) {
				t.Fatal("a run's columns differ in length")
			}
			if run.HasReturn && e.Header.Policy != wire.Policy_POLICY_EXTENDED {
				t.Fatal("return ids of a store that is not extended")
			}
		}
		var m wire.Minute
		for minutes := e.GetCounters().Minutes(); minutes.Next(&m); {
		}
		for range e.GetRollup().Quarters() {
		}
		again, err := wire.Encode(e)
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		if back, err := wire.Decode(again); err != nil || !proto.Equal(back, e) {
			t.Fatalf("decode what was encoded: got %v, %v, want %v", back, err, e)
		}
	})
}
