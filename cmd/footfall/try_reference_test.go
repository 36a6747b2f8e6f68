package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/sensor/dot11"
)

// referenceClass is counting.py's class_of: the elements as Python prints a tuple of tuples, hashed without a key, 10 bits.
func referenceClass(elements []byte) uint16 {
	var parts []string
	seen := map[string]bool{}
	for id, body := range dot11.Elements(elements) {
		var e string
		switch {
		case id == 0:
			continue
		case id == 3:
			e = "(3,)"
		case id == 221 && (bytes.HasPrefix(body, []byte{0, 0x50, 0xf2, 4}) || bytes.HasPrefix(body, []byte{0, 0x50, 0xf2, 8})):
			e = "(221, " + pythonBytes(body[:4]) + ")"
		case id == 255 && len(body) > 0 && body[0] == 2:
			e = "(255, 2)"
		default:
			e = fmt.Sprintf("(%d, %s)", id, pythonBytes(body))
		}
		if !seen[e] {
			seen[e] = true
			parts = append(parts, e)
		}
	}
	text := "(" + strings.Join(parts, ", ") + ")"
	if len(parts) == 1 {
		text = "(" + parts[0] + ",)"
	}
	sum := sha256.Sum256([]byte(text))
	return (uint16(sum[0])<<8 | uint16(sum[1])) >> 6
}

// pythonBytes is Python's repr of bytes.
func pythonBytes(b []byte) string {
	quote := byte('\'')
	if bytes.IndexByte(b, '\'') >= 0 && bytes.IndexByte(b, '"') < 0 {
		quote = '"'
	}
	var s strings.Builder
	s.WriteString("b" + string(quote))
	for _, c := range b {
		switch {
		case c == quote || c == '\\':
			s.WriteString("\\" + string(c))
		case c == '\t':
			s.WriteString(`\t`)
		case c == '\n':
			s.WriteString(`\n`)
		case c == '\r':
			s.WriteString(`\r`)
		case c < 0x20 || c >= 0x7f:
			fmt.Fprintf(&s, `\x%02x`, c)
		default:
			s.WriteByte(c)
		}
	}
	s.WriteByte(quote)
	return s.String()
}

type referenceCell struct {
	Start     string  `json:"start"`
	Occupancy float64 `json:"occupancy"`
	Low       float64 `json:"occupancy_low"`
	High      float64 `json:"occupancy_high"`
	Stable    float64 `json:"stable"`
	Random    float64 `json:"random"`
}

func readCells(t *testing.T, lines []byte) []referenceCell {
	t.Helper()
	var out []referenceCell
	dec := json.NewDecoder(bytes.NewReader(lines))
	for dec.More() {
		var c referenceCell
		if err := dec.Decode(&c); err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// tryJSON is footfall try --json, in this process so that the class can be replaced.
func tryJSON(t *testing.T, o tryOptions, file string) []referenceCell {
	t.Helper()
	var out, errs bytes.Buffer
	o.zone, o.asJSON = "UTC", true
	if err := try(t.Context(), o, []string{file}, &out, &errs); err != nil {
		t.Fatalf("%v (%s)", err, errs.String())
	}
	return readCells(t, out.Bytes())
}

// tryCase is a set of real captures with the options of COUNTING.md.
type tryCase struct {
	name, glob, exclude string
	inside              int
	stay                float64
}

func tryCases(t *testing.T) []tryCase {
	data := sharedData(t)
	brno := filepath.Join(data, "brno-lab")
	return []tryCase{
		{"brno-lab", filepath.Join(brno, "position_*", "*.pcap.gz"), filepath.Join(brno, "exclude.txt"), -70, 36},
		{"polito-lecture", filepath.Join(data, "polito-lecture", "*.pcap.gz"), "", -75, 12},
	}
}

func (c tryCase) reference(t *testing.T, file string) []referenceCell {
	args := []string{"--floor", fmt.Sprint(c.inside), "--stay", fmt.Sprint(c.stay)}
	if c.exclude != "" {
		args = append(args, "--exclude", c.exclude)
	}
	return readCells(t, reference(t, append(args, file)...))
}

func (c tryCase) options() tryOptions {
	return tryOptions{inside: c.inside, stay: c.stay, exclude: c.exclude}
}

func (c tryCase) files(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(c.glob)
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures in %s (%v)", c.name, err)
	}
	return files
}

func TestTryAgreesWithTheReferenceInEveryCellWhenTheClassIsTheSame(t *testing.T) {
	for _, c := range tryCases(t) {
		t.Run(c.name, func(t *testing.T) {
			o := c.options()
			o.class = referenceClass
			for _, f := range c.files(t) {
				got, want := tryJSON(t, o, f), c.reference(t, f)
				if len(got) != len(want) {
					t.Errorf("%s: got %d cells, want %d", filepath.Base(f), len(got), len(want))
					continue
				}
				for i := range want {
					if got[i].Start != want[i].Start {
						t.Fatalf("%s: got cell %s, want %s", filepath.Base(f), got[i].Start, want[i].Start)
					}
					for what, pair := range map[string][2]float64{
						"occupancy": {got[i].Occupancy, want[i].Occupancy}, "stable": {got[i].Stable, want[i].Stable}, "random": {got[i].Random, want[i].Random},
						"low": {got[i].Low, want[i].Low}, "high": {got[i].High, want[i].High},
					} {
						if math.Abs(pair[0]-pair[1]) > .05 {
							t.Errorf("%s %s %s: got %.3f, want %.3f", filepath.Base(f), want[i].Start, what, pair[0], pair[1])
						}
					}
				}
			}
		})
	}
}

func TestTryAgreesWithTheReferenceUnderRealKeys(t *testing.T) {
	for _, c := range tryCases(t) {
		t.Run(c.name, func(t *testing.T) {
			var sum, ratio, days float64
			for _, f := range c.files(t) {
				got, want := tryJSON(t, c.options(), f), c.reference(t, f)
				var diff, g, w float64
				for i := range want {
					diff += math.Abs(got[i].Occupancy - want[i].Occupancy)
					g += got[i].Occupancy
					w += want[i].Occupancy
				}
				diff /= float64(len(want))
				sum += diff
				ratio += math.Abs(g-w) / math.Max(w, 1e-9)
				days++
				if c.name == "brno-lab" && diff > .8 {
					t.Errorf("%s: got %.2f people from the reference on average, want at most 0.8", filepath.Base(f), diff)
				}
				if c.name == "polito-lecture" && math.Abs(g-w) > .05*w {
					t.Errorf("%s: got %.2f, want %.2f within 5 %%", filepath.Base(f), g, w)
				}
			}
			if c.name == "brno-lab" && sum/days > .3 {
				t.Errorf("got %.2f people from the reference on average, want at most 0.3", sum/days)
			}
			t.Logf("%s: mean difference %.3f people, %.2f %% of the sum, over %.0f captures", c.name, sum/days, 100*ratio/days, days)
		})
	}
}
