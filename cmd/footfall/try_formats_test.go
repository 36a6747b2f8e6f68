package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/dot11"
)

// heard is one probe request of the test's own store, without the header of any link type.
type heard struct {
	time  int64 // Unix ns, of whole microseconds, which every container can hold
	rssi  int8
	frame []byte
}

// heardPhones makes an hour of probe requests: devices that stay, pass and bounce under their own addresses, and phones of a few
// models under addresses that change. Elements and addresses come from the seed. With strong set, all of them are inside.
func heardPhones(strong bool) []heard {
	dice := rand.New(rand.NewPCG(7, 11))
	begin := time.Date(2026, 3, 4, 10, 0, 7, 123456000, time.UTC)
	models := make([][]byte, 9)
	for i := range models {
		rates := []byte{1, 8, 2, 4, 11, 22, byte(12 + i), byte(18 + 2*i), 48, 72}
		vendor := []byte{221, 7, 0, 0x10, 0x18, 2, 0, byte(i), byte(dice.IntN(256))}
		models[i] = slices.Concat([]byte{0, 0}, rates, []byte{3, 1, 6}, vendor)
	}
	var out []heard
	sequence := uint16(0)
	burst := func(at time.Time, address [6]byte, rssi int8, model int) {
		for n := range 1 + dice.IntN(3) {
			sequence++
			t := at.Add(time.Duration(n) * 20 * time.Millisecond).Truncate(time.Microsecond)
			out = append(out, heard{t.UnixNano(), rssi, dot11.AppendProbeRequest(nil, address, sequence, models[model])})
		}
	}
	for second := 0; second < 3600; second += 2 {
		at := begin.Add(time.Duration(second)*time.Second + time.Duration(dice.IntN(900_000))*time.Microsecond)
		rssi, near := int8(-50-dice.IntN(12)), int8(0)
		if !strong {
			rssi, near = int8(-40-dice.IntN(45)), -30
		}
		switch who := dice.IntN(70); {
		case who < 40: // stays for some minutes, in the first three quarters
			if in := who * 55; second >= in && second < in+300+20*who {
				burst(at, [6]byte{0x0c, 0x5e, 1, 2, 3, byte(who)}, rssi, who%len(models))
			}
			continue
		case who < 50: // passes at a distance
			if in := (who - 40) * 250; second >= in && second < in+100 {
				burst(at, [6]byte{0x0c, 0x5e, 1, 2, 4, byte(who)}, -50+near-int8(who%5), who%len(models))
			}
			continue
		}
		burst(at, [6]byte{0x02 | byte(dice.IntN(64)<<2), byte(dice.IntN(256)), 7, 8, 9, byte(dice.IntN(256))}, rssi, dice.IntN(len(models)))
	}
	return out
}

// linkHeader is one way to write a frame under a link type.
type linkHeader struct {
	name     string
	link     uint16
	strength bool // it tells how strong the frame was
	write    func(h heard) ([]byte, error)
}

func linkHeaders() []linkHeader {
	plain := func(name string, link uint16, fcs bool) linkHeader {
		return linkHeader{name, link, link != dot11.LinkRaw, func(h heard) ([]byte, error) {
			return dot11.Append(nil, link, dot11.Radio{RSSI: h.rssi, HasRSSI: true, FreqMHz: 2437, FCS: fcs}, h.frame)
		}}
	}
	return []linkHeader{
		plain("raw", dot11.LinkRaw, false), plain("raw with FCS", dot11.LinkRaw, true),
		plain("radiotap", dot11.LinkRadiotap, false), plain("radiotap with FCS", dot11.LinkRadiotap, true),
		{"radiotap with extended present words", dot11.LinkRadiotap, true, func(h heard) ([]byte, error) { return radiotapOfAntennas(h, false), nil }},
		{"radiotap with a vendor's words", dot11.LinkRadiotap, true, func(h heard) ([]byte, error) { return radiotapOfAntennas(h, true), nil }},
		plain("prism", dot11.LinkPrism, false), plain("prism with FCS", dot11.LinkPrism, true),
		{"AVS under prism's number", dot11.LinkPrism, true, plain("", dot11.LinkAVS, false).write},
		plain("AVS", dot11.LinkAVS, false), plain("AVS with FCS", dot11.LinkAVS, true),
		plain("PPI", dot11.LinkPPI, false), plain("PPI with FCS", dot11.LinkPPI, true),
	}
}

// radiotapOfAntennas writes radiotap as drivers with two antennas do: time, flags, rate, channel, the radio's own signal, and in
// further present words a weaker signal for each antenna. A vendor's namespace may stand before them.
func radiotapOfAntennas(h heard, vendor bool) []byte {
	const more, ns, vendorNS, antenna = 1 << 31, 1 << 29, 1 << 30, 1<<5 | 1<<11
	words := []uint32{1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<5 | 1<<14 | ns | more, antenna | ns | more, antenna}
	if vendor {
		words = []uint32{words[0]&^ns | vendorNS, 1<<5 | ns | more, antenna | ns | more, antenna}
	}
	head := []byte{0, 0, 0, 0}
	for _, w := range words {
		head = binary.LittleEndian.AppendUint32(head, w)
	}
	for len(head)%8 != 0 {
		head = append(head, 0)
	}
	head = binary.LittleEndian.AppendUint64(head, uint64(h.time/1000)) // TSFT
	head = append(head, 0x10, 2)                                       // flags: an FCS follows; rate
	head = binary.LittleEndian.AppendUint32(head, 2437|0x00a0<<16)     // channel
	head = append(head, byte(h.rssi), 0, 0, 0)                         // signal, padding, RX flags
	if vendor {
		head = append(head, 0, 0x50, 0xf2, 0, 3, 0, 0xaa, 0xbb, 0xcc)
	}
	head = append(head, byte(h.rssi-2), 0, byte(h.rssi-9), 1)
	binary.LittleEndian.PutUint16(head[2:], uint16(len(head)))
	head = append(head, h.frame...)
	return binary.LittleEndian.AppendUint32(head, crc32.ChecksumIEEE(h.frame))
}

// container is one way to write a capture file.
type container struct {
	name    string
	options capture.Options
	gzip    bool
}

func containers() []container {
	var out []container
	for _, ng := range []bool{false, true} {
		for _, big := range []bool{false, true} {
			for _, nano := range []bool{false, true} {
				for _, gz := range []bool{false, true} {
					name := map[bool]string{false: "pcap", true: "pcapng"}[ng] + map[bool]string{false: " LE", true: " BE"}[big] +
						map[bool]string{false: " us", true: " ns"}[nano] + map[bool]string{true: " gz"}[gz]
					out = append(out, container{name, capture.Options{NG: ng, BigEndian: big, Nano: nano}, gz})
				}
			}
		}
	}
	return out
}

// writeHeard writes the probe requests into a new file of a container and returns its path.
func writeHeard(t *testing.T, c container, l linkHeader, frames []heard) string {
	t.Helper()
	var file bytes.Buffer
	w, err := capture.NewWriter(&file, l.link, c.options)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range frames {
		data, err := l.write(h)
		if err == nil {
			err = w.Write(capture.Record{Time: h.time, Data: data})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	content := file.Bytes()
	if c.gzip {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := z.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		content = packed.Bytes()
	}
	path := filepath.Join(t.TempDir(), "capture")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tryLines is what footfall try --json prints about a capture under keys that are always the same.
func tryLines(t *testing.T, file string) string {
	t.Helper()
	var out, errs bytes.Buffer
	o := tryOptions{zone: "UTC", inside: -70, stay: 12, asJSON: true, random: rand.NewChaCha8([32]byte{5})}
	if err := try(t.Context(), o, []string{file}, &out, &errs); err != nil {
		t.Fatalf("%v (%s)", err, errs.String())
	}
	return out.String()
}

func TestTheSameProbeRequestsCountAlikeInEveryContainerAndUnderEveryLinkHeader(t *testing.T) {
	for _, strength := range []struct {
		name   string
		strong bool
	}{
		{"all inside, so that headers without a signal strength agree", true},
		{"inside and outside, for headers that tell the signal strength", false},
	} {
		t.Run(strength.name, func(t *testing.T) {
			frames := heardPhones(strength.strong)
			want := tryLines(t, writeHeard(t, container{}, linkHeaders()[2], frames))
			checkStory(t, want, strength.strong)
			for _, l := range linkHeaders() {
				if !l.strength && !strength.strong {
					continue
				}
				for _, c := range containers() {
					if got := tryLines(t, writeHeard(t, c, l, frames)); got != want {
						t.Errorf("%s in %s:\n got %s\nwant %s", l.name, c.name, got, want)
					}
				}
			}
		})
	}
}

// checkStory holds against what was written that there is something to compare: a table of noughts agrees with itself.
func checkStory(t *testing.T, lines string, strong bool) {
	t.Helper()
	var visits, passers int
	var random float64
	cells := bufio.NewScanner(bytes.NewReader([]byte(lines)))
	for cells.Scan() {
		c := decodeCell(t, cells.Bytes())
		visits += c.Visits
		passers += c.PassersBy
		random += c.Random
	}
	if visits < 5 || random < 5 {
		t.Errorf("got %d visits and %.1f random people, want some of both in\n%s", visits, random, lines)
	}
	if (passers == 0) != strong {
		t.Errorf("got %d passers-by, want some only where some frames are weak", passers)
	}
	t.Log("\n" + lines)
}
