package wire_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/openfootfall/footfall/ingest/wire"
)

// sensorState is a heartbeat as it stands on the topic of sensors, with the settings.
func sensorState() *wire.Envelope {
	return &wire.Envelope{
		Header: header(func(h *wire.Header) { h.Sequence = 41 }),
		Body: &wire.Envelope_Heartbeat{Heartbeat: &wire.Heartbeat{
			MadeMs: opened + 61000, FailClosed: []string{"opt_out_list_stale"}, Trouble: []string{"kafka_refused", "opt_out_list_stale"},
			SpoolBytes: 8192, SpoolOldestMs: opened, SpoolLost: 2, OptoutAgeS: 172900, Software: "footfall-sensor 0.4.0",
			Settings: &wire.Settings{
				SpoolIdAgeS: 21600, OptoutMaxAgeS: 172800, SealAfterS: 14400, InsideDbm: -70, FloorDbm: -90,
				Hours: "mon: 09:00-20:00; sun: closed", TimeZone: "Europe/Berlin", ReturnEpsilon: 2, KeysDay: day,
				OptoutKeyCheck: 0x89abcdef,
			},
		}},
	}
}

func TestGoldenHeartbeatWithSettings(t *testing.T) {
	raw, err := wire.Encode(sensorState())
	if err != nil {
		t.Fatalf("Encode: %v", err)
	}
	file := filepath.Join("testdata", "heartbeat_settings.hex")
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
	if back, err := wire.Decode(golden); err != nil || !proto.Equal(back, sensorState()) {
		t.Errorf("decoded: got %v, %v, want %v", back, err, sensorState())
	}
}

func TestValidateSettings(t *testing.T) {
	tests := []struct {
		name   string
		change func(*wire.Settings)
		want   string
	}{
		{"as they are", func(*wire.Settings) {}, ""},
		{"nothing said", func(s *wire.Settings) { proto.Reset(s) }, ""},
		{"always open", func(s *wire.Settings) { s.Hours = "always open" }, ""},
		{"hours of many spans", func(s *wire.Settings) { s.Hours = strings.Repeat("09:00-09:30,", 300) }, ""},
		{"hours without end", func(s *wire.Settings) { s.Hours = strings.Repeat("x", 5000) }, wire.ReasonInconsistent},
		{"hours with a line break", func(s *wire.Settings) { s.Hours = "mon: closed\ntue" }, wire.ReasonInconsistent},
		{"a zone with an escape", func(s *wire.Settings) { s.TimeZone = "\x1b[2J" }, wire.ReasonInconsistent},
		{"a long zone", func(s *wire.Settings) { s.TimeZone = strings.Repeat("x", 64) }, wire.ReasonInconsistent},
		{"ids that wait for ever", func(s *wire.Settings) { s.SpoolIdAgeS = math.MaxUint32 }, wire.ReasonInconsistent},
		{"a list of any age", func(s *wire.Settings) { s.OptoutMaxAgeS = math.MaxUint32 }, wire.ReasonInconsistent},
		{"days that are never sealed", func(s *wire.Settings) { s.SealAfterS = math.MaxUint32 }, wire.ReasonInconsistent},
		{"inside above 0 dBm", func(s *wire.Settings) { s.InsideDbm = 1 }, wire.ReasonInconsistent},
		{"a floor below what a byte holds", func(s *wire.Settings) { s.FloorDbm = -129 }, wire.ReasonInconsistent},
		{"a negative epsilon", func(s *wire.Settings) { s.ReturnEpsilon = -0.1 }, wire.ReasonInconsistent},
		{"an infinite epsilon", func(s *wire.Settings) { s.ReturnEpsilon = math.Inf(1) }, wire.ReasonInconsistent},
		{"an epsilon that is no number", func(s *wire.Settings) { s.ReturnEpsilon = math.NaN() }, wire.ReasonInconsistent},
		{"keys of another age", func(s *wire.Settings) { s.KeysDay = math.MaxInt32 }, wire.ReasonInconsistent},
		{"keys of before time", func(s *wire.Settings) { s.KeysDay = math.MinInt32 }, wire.ReasonInconsistent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkReason(t, sensorState(), func(e *wire.Envelope) { tt.change(e.GetHeartbeat().Settings) }, tt.want)
		})
	}
}
