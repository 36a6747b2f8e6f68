package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
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

// TestTryAgreesWithTheReference holds footfall try against the reference estimator on real captures: in every cell with the
// reference's own class function, and on average under real keys, whose classes fall together in other places.
func TestTryAgreesWithTheReference(t *testing.T) {
	for _, c := range tryCases(t) {
		want := map[string][]referenceCell{}
		for _, f := range c.files(t) {
			want[f] = c.reference(t, f)
		}
		t.Run(c.name+"/in every cell when the class is the same", func(t *testing.T) {
			for _, f := range c.files(t) {
				c.sameCells(t, f, want[f])
			}
		})
		for _, seed := range underSeeds() {
			t.Run(fmt.Sprintf("%s/under real keys, draw %d", c.name, seed), func(t *testing.T) { c.nearUnderKeys(t, want, seed) })
		}
	}
}

// sameCells allows 0.05 people: the reference prints three decimals of sums in another order.
func (c tryCase) sameCells(t *testing.T, file string, want []referenceCell) {
	t.Helper()
	o := c.options()
	o.class = referenceClass
	got := tryJSON(t, o, file)
	if len(got) != len(want) {
		t.Errorf("%s: got %d cells, want %d", filepath.Base(file), len(got), len(want))
		return
	}
	for i := range want {
		if got[i].Start != want[i].Start {
			t.Fatalf("%s: got cell %s, want %s", filepath.Base(file), got[i].Start, want[i].Start)
		}
		for what, pair := range map[string][2]float64{
			"occupancy": {got[i].Occupancy, want[i].Occupancy}, "stable": {got[i].Stable, want[i].Stable}, "random": {got[i].Random, want[i].Random},
			"low": {got[i].Low, want[i].Low}, "high": {got[i].High, want[i].High},
		} {
			if math.Abs(pair[0]-pair[1]) > .05 {
				t.Errorf("%s %s %s: got %.3f, want %.3f", filepath.Base(file), want[i].Start, what, pair[0], pair[1])
			}
		}
	}
}

// underSeeds are the draws of keys. Two classes of a capture fall together by chance in 10 bits, and with other keys others do,
// so that a bound held under one draw says little, and a bound under fresh draws would fail now and then. Under twelve draws
// the lab was off by 0.10 to 0.16 people on average and 0.59 on its worst day, the lectures by at most 1.1 % of their sum.
func underSeeds() []byte { return []byte{1, 2, 3} }

func (c tryCase) nearUnderKeys(t *testing.T, want map[string][]referenceCell, seed byte) {
	t.Helper()
	a := c.compare(t, want, seed)
	t.Logf("%.3f people off on average, %.2f in %s; sum %.2f of %.2f", a.mean, a.worst, a.worstFile, a.got, a.want)
	switch c.name {
	case "brno-lab":
		if a.mean > .3 || a.worst > .8 {
			t.Errorf("got %.2f people off on average and %.2f in %s, want at most 0.3 and 0.8", a.mean, a.worst, a.worstFile)
		}
	case "polito-lecture":
		if math.Abs(a.got-a.want) > .05*a.want {
			t.Errorf("got %.2f people over all captures, want %.2f within 5 %%", a.got, a.want)
		}
	}
}

// agreement is how far footfall try lies from the reference over some captures.
type agreement struct {
	mean, worst float64 // people off, cell by cell: over all captures, and in the worst one
	worstFile   string
	got, want   float64 // people, summed over the cells of all captures
}

func (c tryCase) compare(t *testing.T, want map[string][]referenceCell, seed byte) agreement {
	t.Helper()
	var a agreement
	for _, file := range c.files(t) {
		cells := want[file]
		o := c.options()
		o.random = rand.NewChaCha8([32]byte{seed})
		got := tryJSON(t, o, file)
		if len(got) != len(cells) {
			t.Fatalf("%s: got %d cells, want %d", filepath.Base(file), len(got), len(cells))
		}
		var off float64
		for i := range cells {
			off += math.Abs(got[i].Occupancy - cells[i].Occupancy)
			a.got += got[i].Occupancy
			a.want += cells[i].Occupancy
		}
		off /= float64(len(cells))
		a.mean += off / float64(len(want))
		if off > a.worst {
			a.worst, a.worstFile = off, filepath.Base(file)
		}
	}
	return a
}
