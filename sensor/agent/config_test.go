package agent

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const goodConfig = "state: s\nsource: {files: [a.pcap]}\nkafka: {brokers: ['127.0.0.1:9092']}\n"

// liveConfig is a box with a radio, and every key of one.
const liveConfig = `state: s
source: {interface: wlan1, monitor: true, channels: {list: ['1', '6', '11', '6g5'], dwell: 500ms}, silent_after: 2m}
spool: {dir: /mnt/spool, max_mb: 16, fsync: 5s, id_age: 3h}
listen: 127.0.0.1:9999
memory_mb: 20
kafka:
  brokers: ['kafka.example.org:9093']
  tls: {enabled: true, ca: ca.pem, cert: c.pem, key: k.pem, server_name: kafka}
  sasl: {mechanism: SCRAM-SHA-512, user: door, password_file: password}
`

// goodConfig2 is a sensor far from its broker, with more about it.
func goodConfig2(kafka string) string {
	return "state: s\nsource: {interface: w}\nkafka:\n  brokers: ['kafka.example.org:9092']\n  " + kafka + "\n"
}

func TestLiveDefaults(t *testing.T) {
	c, err := ParseConfig([]byte("state: /var/lib/s\nsource: {interface: w}\nkafka: {brokers: ['a:1']}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Spool{Dir: "/var/lib/s/spool", MaxMB: 64, Fsync: 2 * time.Second, IDAge: 6 * time.Hour}
	if !c.Live() || c.Spool != want || c.Listen != "127.0.0.1:9464" || c.MemoryMB != 24 || c.Source.SilentAfter != 5*time.Minute {
		t.Errorf("got %+v, want the documented defaults", c)
	}
}

func TestARadiosAddressIsInNoError(t *testing.T) {
	_, err := ParseConfig([]byte("state: s\nsource: {interface: wlx00c0ca112233}\nkafka: {brokers: ['a:1']}\n"))
	if err == nil || strings.Contains(err.Error(), "00c0ca") {
		t.Errorf("got %v, want an error without the address", err)
	}
}

func TestTheCommandLinesInterfaceReplacesTheSource(t *testing.T) {
	for _, text := range []string{goodConfig, "state: s\nkafka: {brokers: ['a:1']}\n"} {
		c, err := ParseConfig([]byte(text), WithInterface("wlan7"))
		if err != nil {
			t.Fatal(err)
		}
		if !c.Live() || c.Source.Interface != "wlan7" || len(c.Source.Files) != 0 {
			t.Errorf("got %+v, want only wlan7", c.Source)
		}
		if _, err := ParseConfig([]byte(text), WithInterface("../wlan7")); err == nil {
			t.Error("got no error of a path, want one")
		}
	}
}

func TestParseConfig(t *testing.T) {
	for _, row := range []struct {
		name, text string
		errs       []string // each must be said; none means that it is good
	}{
		{"the least", goodConfig, nil},
		{"everything", goodConfig + "bundle: b\nrssi_inside: -65\nrssi_floor: -80\n", nil},
		{"standard input", "state: s\nsource: {files: ['-']}\nkafka: {brokers: ['[::1]:9092', 'kafka:9092']}\n", nil},
		{"inside -75, floor there too", goodConfig + "rssi_inside: -75\nrssi_floor: -75\n", nil},
		{"empty", "", []string{"state: name the folder", "source: name an interface", "kafka.brokers: list at least one"}},
		{"comments only", "# nothing\n", []string{"state: name the folder", "source: name an interface", "kafka.brokers"}},
		{"an unknown key, and all else", "stat: s\nrssi_inside: -60\nkafka: {brokers: [nohost]}\n", []string{
			"field stat not found", "state: name", "source: name an interface", "rssi_inside: -60 dBm is not one of -75, -70, -65", `"nohost" is not host:port`,
		}},
		{"an unknown key within", goodConfig + "extra: {a: 1}\n", []string{"field extra not found"}},
		{"a key twice", goodConfig + "state: t\n", []string{"already defined"}},
		{"another type", goodConfig + "rssi_floor: weak\n", []string{"cannot unmarshal"}},
		{"two unknown keys", goodConfig + "one: 1\ntwo: 2\n", []string{"field one not found", "field two not found"}},
		{"not YAML", "state: [s\n", []string{"did not find expected", "documentation"}},
		{"a second document", goodConfig + "---\nrssi_inside: -60\n", []string{"second document"}},
		{"a second document that is broken", goodConfig + "---\n[\n", []string{"second document"}},
		{"an empty file name", "state: s\nsource: {files: [a, '']}\nkafka: {brokers: ['a:1']}\n", []string{"entry 2 is empty"}},
		{"standard input beside a file", "state: s\nsource: {files: [a, '-']}\nkafka: {brokers: ['a:1']}\n", []string{"(-) stands alone"}},
		{"a floor above inside", goodConfig + "rssi_floor: -69\n", []string{"rssi_floor: use -90 up to rssi_inside"}},
		{"a floor too low", goodConfig + "rssi_floor: -91\n", []string{"rssi_floor: use -90"}},
		{"a floor and an inside that are wrong", goodConfig + "rssi_floor: 0\nrssi_inside: 0\n", []string{"rssi_floor", "rssi_inside: 0 dBm"}},
		{"an interface", liveConfig, nil},
		{"an interface that somebody else set up", "state: s\nsource: {interface: mon0}\nkafka: {brokers: ['a:1']}\n", nil},
		{"files and an interface", "state: s\nsource: {files: [a], interface: wlan1}\nkafka: {brokers: ['a:1']}\n", []string{"one source"}},
		{"a path as interface", "state: s\nsource: {interface: /dev/wlan1}\nkafka: {brokers: ['a:1']}\n", []string{"is not the name of an interface"}},
		{"a radio named by its address", "state: s\nsource: {interface: wlx00c0ca112233}\nkafka: {brokers: ['a:1']}\n", []string{"holds the radio's own address"}},
		{"channels of somebody else", "state: s\nsource: {interface: mon0, channels: {dwell: 1s}}\nkafka: {brokers: ['a:1']}\n", []string{"only with monitor: true"}},
		{"bands and a list", "state: s\nsource: {interface: w, monitor: true, channels: {bands: ['2.4'], list: ['1']}}\nkafka: {brokers: ['a:1']}\n", []string{"bands and a list"}},
		{"a band that is none", "state: s\nsource: {interface: w, monitor: true, channels: {bands: ['7']}}\nkafka: {brokers: ['a:1']}\n", []string{`source.channels: channel plan: `}},
		{"a dwell too short", "state: s\nsource: {interface: w, monitor: true, channels: {dwell: 1ms}}\nkafka: {brokers: ['a:1']}\n", []string{"a dwell of 1ms: use 50ms"}},
		{"impatient", "state: s\nsource: {interface: w, silent_after: 1s}\nkafka: {brokers: ['a:1']}\n", []string{"silent_after: use at least 10s"}},
		{"a time without a unit", "state: s\nsource: {interface: w, silent_after: soon}\nkafka: {brokers: ['a:1']}\n", []string{"cannot unmarshal"}},
		{"everything of the box is wrong", goodConfig + "spool: {max_mb: -1, fsync: 1ms, id_age: 48h}\nmemory_mb: 3\nlisten: 0.0.0.0:9464\n", []string{
			"spool.max_mb", "spool.fsync: use 200ms", "spool.id_age: use 1m up to 24h", "memory_mb: use at least 12", "is not on loopback",
		}},
		{"nothing listens", goodConfig + "listen: 'off'\n", nil},
		{"a password in the clear", goodConfig2("sasl: {mechanism: PLAIN, user: u, password_file: p}"), []string{"PLAIN"}},
		{"a mechanism that is none", goodConfig2("sasl: {mechanism: GUESS, user: u, password_file: p}"), []string{"SCRAM-SHA-512"}},
		{"a certificate without a key", goodConfig2("tls: {enabled: true, cert: c.pem}"), []string{"key"}},
		{"brokers without port or host", "state: s\nsource: {files: [a]}\nkafka: {brokers: ['a', 'a:', ':9092']}\n", []string{`"a" is not`, `"a:" is not`, `":9092" is not`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, err := ParseConfig([]byte(row.text))
			if len(row.errs) == 0 {
				if err != nil || c == nil {
					t.Fatalf("got %v, want a good configuration", err)
				}
				return
			}
			if err == nil || c != nil {
				t.Fatalf("got %v and no error, want %q", c, row.errs)
			}
			for _, want := range row.errs {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to say %q", err, want)
				}
			}
		})
	}
}

func TestWhatIsNotYAMLIsTheOnlyError(t *testing.T) {
	_, err := ParseConfig([]byte("state: [s\n"))
	if err == nil || strings.Contains(err.Error(), "list at least one") {
		t.Errorf("got %v, want only that it cannot be read: it may name everything", err)
	}
	if _, err := ParseConfig([]byte(goodConfig + "rssi_inside: -30\n")); err == nil || strings.Contains(err.Error(), "rssi_floor") {
		t.Errorf("got %v, want only rssi_inside", err)
	}
}

func TestConfigDefaults(t *testing.T) {
	c, err := ParseConfig([]byte(goodConfig))
	if err != nil {
		t.Fatal(err)
	}
	if c.RSSIInside == nil || *c.RSSIInside != -70 || c.RSSIFloor == nil || *c.RSSIFloor != -90 || c.Bundle != "" {
		t.Errorf("got %v, want -70, -90 and no bundle", c)
	}
	if c.State != "s" || !slices.Equal(c.Source.Files, []string{"a.pcap"}) || !slices.Equal(c.Kafka.Brokers, []string{"127.0.0.1:9092"}) {
		t.Errorf("got %v", c)
	}
}

func TestLoadConfig(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(good, []byte(goodConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bad, []byte("x: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := LoadConfig(good); err != nil || c.State != "s" {
		t.Errorf("got %v, %v", c, err)
	}
	if _, err := LoadConfig(bad); err == nil || !strings.HasPrefix(err.Error(), bad+": ") {
		t.Errorf("got %v, want the file's name first", err)
	}
	if _, err := LoadConfig(filepath.Join(dir, "none")); err == nil || !strings.HasSuffix(err.Error(), "name it with --config") {
		t.Errorf("got %v, want what to do", err)
	}
}

func TestCheckRSSIInside(t *testing.T) {
	for dbm := -128; dbm <= 127; dbm++ {
		if got, want := CheckRSSIInside(dbm) == nil, dbm == -75 || dbm == -70 || dbm == -65; got != want {
			t.Errorf("%d dBm: got %v, want %v", dbm, got, want)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, text := range []string{
		goodConfig, "", "---\n", goodConfig + "---\n", "a: &a [*a]\n", "state: !!binary aGk=\n", "? [1]: 2\n", "<<: {state: s}\n", "\xff", "rssi_inside: 99999999999999999999\n", "source: {files: [1, null]}\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ParseConfig(raw)
		if (c == nil) == (err == nil) {
			t.Fatalf("got %v and %v", c, err)
		}
		if c == nil {
			return
		}
		if c.State == "" || len(c.Source.Files) == 0 || len(c.Kafka.Brokers) == 0 || slices.Contains(c.Source.Files, "") {
			t.Errorf("got %v without what is needed", c)
		}
		if CheckRSSIInside(*c.RSSIInside) != nil || *c.RSSIFloor < -90 || *c.RSSIFloor > *c.RSSIInside {
			t.Errorf("got %d and %d dBm", *c.RSSIInside, *c.RSSIFloor)
		}
	})
}
