package keys

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

var update = flag.Bool("update", false, "write the golden test vectors anew")

const vectorsFile = "testdata/vectors.json"

// vectors are the golden values of every derivation; bytes are hexadecimal. The week chains are W(week-4), the period chains
// P(period-1).
type vectors struct {
	Seed      string      `json:"seed"`
	OptOutKey string      `json:"opt_out_key"`
	Check     uint32      `json:"opt_out_check"`
	Issue     string      `json:"issue"`
	FirstDay  int32       `json:"first_day"`
	Days      []vectorDay `json:"days"`
}

type vectorDay struct {
	Day        int32           `json:"day"`
	Week       int32           `json:"week"`
	DayChain   string          `json:"day_chain"`
	IDKey      string          `json:"id_key"`
	WeekChain  string          `json:"week_chain"`
	ReturnKeys []string        `json:"return_keys"` // this week's first
	Period     int32           `json:"period"`
	PeriodKeys []string        `json:"period_keys"` // this period's first
	Periods    string          `json:"period_chain"`
	Classes    []vectorClass   `json:"classes"`
	Addresses  []vectorAddress `json:"addresses"`
}

type vectorClass struct {
	Epoch  int32  `json:"epoch"`
	Key    string `json:"key"`
	Masked string `json:"masked"`
	Class  uint16 `json:"class"`
}

type vectorAddress struct {
	Address string   `json:"address"`
	ID      string   `json:"id"`
	Buckets []uint16 `json:"buckets"`
	Tag     uint32   `json:"tag"`
	Returns []string `json:"return_ids"` // this period's first
}

// vectorAddresses are from the blocks for documentation (RFC 7042), and the two ends of the range.
var vectorAddresses = []hwaddr.Addr{
	{0x00, 0x00, 0x5e, 0x00, 0x53, 0x01}, {0x00, 0x00, 0x5e, 0x00, 0x53, 0xff}, {0x02, 0x00, 0x5e, 0x10, 0x00, 0x00},
	{}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
}

var vectorMasked = [][]byte{nil, {0x01, 0x04, 0x02, 0x04, 0x0b, 0x16}, bytes.Repeat([]byte{0xdd, 0x09}, 60)}

// wednesday is 2026-01-28: a week has four more days after it.
var wednesday = calendar.DayOfDate(2026, 1, 28)

func testSeed(fill byte) Seed {
	k := new(key)
	for i := range k {
		k[i] = fill + byte(i)
	}
	return Seed{k}
}

func testOptOut() OptOutKey {
	k := new(key)
	for i := range k {
		k[i] = 0xf0 - byte(i)
	}
	return OptOutKey{k}
}

// ours computes the vectors with the code under test.
func ours() vectors {
	seed, optOut := testSeed(0), testOptOut()
	v := vectors{
		Seed: hex.EncodeToString(seed.k[:]), OptOutKey: hex.EncodeToString(optOut.k[:]), Check: optOut.Check(), Issue: seed.issue(), FirstDay: int32(wednesday),
	}
	for _, ahead := range []calendar.Day{0, 1, 5, 12, 40} { // the first day, the next, Monday, a week later, MaxGap and more
		c := seed.chain(wednesday, *optOut.k)
		c.advance(wednesday + ahead)
		v.Days = append(v.Days, ourDay(c))
	}
	return v
}

func ourDay(c *chain) vectorDay {
	id, h := c.idKey(), newHasher(c, nil)
	d := vectorDay{
		Day: int32(c.day), Week: int32(c.day.Week()), DayChain: hex.EncodeToString(c.days[:]), IDKey: hex.EncodeToString(id[:]),
		WeekChain: hex.EncodeToString(c.weeks[:]),
	}
	for _, k := range c.returnKeys() {
		d.ReturnKeys = append(d.ReturnKeys, hex.EncodeToString(k[:]))
	}
	d.Period, d.Periods = period(c.day), hex.EncodeToString(c.periods[:])
	for _, k := range c.periodKeys() {
		d.PeriodKeys = append(d.PeriodKeys, hex.EncodeToString(k[:]))
	}
	for i, block := range []int32{0, 1, 12} { // 12: the last hour of a day of 25
		epoch := int32(c.day)*16 + block
		k := c.classKey(epoch)
		d.Classes = append(d.Classes, vectorClass{
			Epoch: epoch, Key: hex.EncodeToString(k[:]), Masked: hex.EncodeToString(vectorMasked[i]), Class: h.Class(epoch, vectorMasked[i]),
		})
	}
	for _, a := range vectorAddresses {
		b, id := h.Buckets(a), h.ID(a)
		now, before, _ := h.ReturnIDs(a)
		d.Addresses = append(d.Addresses, vectorAddress{
			Address: hex.EncodeToString(a[:]), Buckets: b[:], Tag: h.Tag(a),
			ID: hexOf(id), Returns: []string{hexOf(now), hexOf(before)},
		})
	}
	return d
}

func hexOf(id uint64) string {
	return hex.EncodeToString([]byte{byte(id >> 56), byte(id >> 48), byte(id >> 40), byte(id >> 32), byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)})
}

func TestGoldenVectors(t *testing.T) {
	got, err := json.MarshalIndent(ours(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(vectorsFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the derivations changed: ids of every store would. got\n%s\nwant the contents of %s", got, vectorsFile)
	}
}

// TestGoldenVectorsWithASecondImplementation computes every committed value again from the seed, with the reference alone.
func TestGoldenVectorsWithASecondImplementation(t *testing.T) {
	raw, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Days) != 5 {
		t.Fatalf("got %d days of vectors, want 5", len(v.Days))
	}
	seed, optOut := unhex(t, v.Seed), unhex(t, v.OptOutKey)
	firstWeek := (v.FirstDay + 2) / 7
	if want := hex.EncodeToString(refExpand(seed, "footfall issue", 8)); v.Issue != want {
		t.Errorf("issue: got %s, want %s", v.Issue, want)
	}
	if want := binary.BigEndian.Uint32(refExpand(optOut, "footfall opt-out check", 4)); v.Check != want {
		t.Errorf("check value of the opt-out key: got %x, want %x", v.Check, want)
	}
	for _, d := range v.Days {
		day := refDay(seed, v.FirstDay, d.Day)
		same := func(what string, got, want any) {
			t.Helper()
			if got != want {
				t.Errorf("day %d, %s: got %v, want %v", d.Day, what, got, want)
			}
		}
		same("week", d.Week, (d.Day+2)/7)
		same("day chain", d.DayChain, hex.EncodeToString(day))
		same("id key", d.IDKey, hex.EncodeToString(refExpand(day, "footfall day id", 32)))
		same("week chain", d.WeekChain, hex.EncodeToString(refWeek(seed, firstWeek, d.Week-4)))
		same("return keys", len(d.ReturnKeys), 5)
		for k, text := range d.ReturnKeys {
			same("return key", text, hex.EncodeToString(refExpand(refWeek(seed, firstWeek, d.Week-int32(k)), "footfall return", 32)))
		}
		same("period", d.Period, d.Day/28)
		same("period chain", d.Periods, hex.EncodeToString(refPeriod(seed, v.FirstDay/28, d.Period-1)))
		same("period keys", len(d.PeriodKeys), 2)
		for k, text := range d.PeriodKeys {
			same("period key", text, hex.EncodeToString(refExpand(refPeriod(seed, v.FirstDay/28, d.Period-int32(k)), "footfall period return", 32)))
		}
		for _, c := range d.Classes {
			same("class", c.Class, refClass(day, c.Epoch, unhex(t, c.Masked)))
			e := uint32(c.Epoch)
			same("class key", c.Key, hex.EncodeToString(refExpand(day, "footfall class"+string([]byte{byte(e >> 24), byte(e >> 16), byte(e >> 8), byte(e)}), 32)))
		}
		for _, a := range d.Addresses {
			addr := unhex(t, a.Address)
			id := refHMAC(refExpand(day, "footfall day id", 32), addr)[:8]
			same("id", a.ID, hex.EncodeToString(id))
			same("tag", a.Tag, refTag(optOut, addr))
			for k, b := range a.Buckets {
				same("bucket", b, refBucket(refWeek(seed, firstWeek, d.Week-int32(k)), addr))
			}
			same("return ids", len(a.Returns), 2)
			for k, text := range a.Returns {
				same("return id", text, hex.EncodeToString(refReturnID(refPeriod(seed, v.FirstDay/28, d.Period-int32(k)), addr)))
			}
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
