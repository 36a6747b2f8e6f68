package broker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
)

// file writes a file that only its owner may read.
func file(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, text, 0o600)
	return path
}

func write(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}

func TestSecurityValidate(t *testing.T) {
	scram := broker.SecuritySASL{Mechanism: broker.ScramSHA512, User: "u", PasswordFile: "p"}
	plain := broker.SecuritySASL{Mechanism: broker.Plain, User: "u", PasswordFile: "p"}
	far, near := []string{"127.0.0.1:1", "kafka.example.org:9092"}, []string{"127.0.0.1:1", "[::1]:2", "localhost:3"}
	tests := []struct {
		name    string
		s       broker.Security
		brokers []string
		want    []string
	}{
		{"nothing", broker.Security{}, far, nil},
		{"TLS", broker.Security{TLS: broker.SecurityTLS{Enabled: true}}, far, nil},
		{"everything", broker.Security{TLS: broker.SecurityTLS{Enabled: true, CA: "a", Cert: "c", Key: "k", ServerName: "kafka.example.org"}, SASL: plain}, far, nil},
		{"files without TLS", broker.Security{TLS: broker.SecurityTLS{CA: "a"}}, far, []string{"set tls.enabled: true"}},
		{"half a client certificate", broker.Security{TLS: broker.SecurityTLS{Enabled: true, Cert: "c"}}, far, []string{"set tls.cert and tls.key, or neither"}},
		{"a port in the server's name", broker.Security{TLS: broker.SecurityTLS{Enabled: true, ServerName: "kafka:9093"}}, far, []string{"tls.server_name: write the name only"}},
		{"an address in the server's name", broker.Security{TLS: broker.SecurityTLS{Enabled: true, ServerName: "https://kafka"}}, far, []string{"write the name only"}},
		{"SCRAM in the clear", broker.Security{SASL: scram}, far, nil},
		{"PLAIN in the clear", broker.Security{SASL: plain}, far, []string{"only brokers on loopback"}},
		{"PLAIN in the clear on this machine", broker.Security{SASL: plain}, near, nil},
		{"PLAIN in the clear, brokers to come", broker.Security{SASL: plain}, nil, nil},
		{"a user without a mechanism", broker.Security{SASL: broker.SecuritySASL{User: "u"}}, far, []string{"no mechanism"}},
		{"an unknown mechanism", broker.Security{SASL: broker.SecuritySASL{Mechanism: "GSSAPI", User: "u", PasswordFile: "p"}}, far, []string{`"GSSAPI" is not known: choose`}},
		{"a mechanism alone", broker.Security{SASL: broker.SecuritySASL{Mechanism: broker.ScramSHA256}}, far, []string{"sasl.user is missing", "sasl.password_file is missing"}},
		{"all at once", broker.Security{TLS: broker.SecurityTLS{Key: "k"}, SASL: broker.SecuritySASL{PasswordFile: "p"}}, far, []string{"tls.enabled", "tls.cert and tls.key", "no mechanism"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.s.Validate(tt.brokers...)
			if len(got) != len(tt.want) {
				t.Fatalf("errors: got %v, want %q", got, tt.want)
			}
			for i, want := range tt.want {
				checkError(t, got[i], want)
			}
		})
	}
}

func TestSecurityFromYAML(t *testing.T) {
	const text = `
tls: {enabled: true, ca: /ca.pem, cert: /c.pem, key: /k.pem, server_name: kafka.example.org}
sasl: {mechanism: SCRAM-SHA-512, user: u, password_file: /p}
`
	want := broker.Security{
		TLS:  broker.SecurityTLS{Enabled: true, CA: "/ca.pem", Cert: "/c.pem", Key: "/k.pem", ServerName: "kafka.example.org"},
		SASL: broker.SecuritySASL{Mechanism: broker.ScramSHA512, User: "u", PasswordFile: "/p"},
	}
	var got broker.Security
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&got); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestSecurityApplyReadsFiles(t *testing.T) {
	ca := kafkatest.NewCA(t)
	client := ca.Issue(t, t.TempDir(), "client", time.Now().Add(time.Hour))
	open := ca.Issue(t, t.TempDir(), "client", time.Now().Add(time.Hour))
	write(t, open.Key, "", 0o604)
	other := ca.Issue(t, t.TempDir(), "client", time.Now().Add(time.Hour))
	missing := filepath.Join(t.TempDir(), "missing")
	login := func(path string) broker.SecuritySASL {
		return broker.SecuritySASL{Mechanism: broker.ScramSHA256, User: "u", PasswordFile: path}
	}
	readable := file(t, "secret-word")
	write(t, readable, "secret-word", 0o604)
	tests := []struct {
		name string
		s    broker.Security
		want string
	}{
		{"nothing", broker.Security{}, ""},
		{"all", broker.Security{TLS: broker.SecurityTLS{Enabled: true, CA: ca.File, Cert: client.Cert, Key: client.Key}, SASL: login(file(t, "secret-word\n"))}, ""},
		{"impossible", broker.Security{TLS: broker.SecurityTLS{CA: ca.File}}, "set tls.enabled"},
		{"no authority there", broker.Security{TLS: broker.SecurityTLS{Enabled: true, CA: missing}}, "name a readable PEM file"},
		{"an authority that is none", broker.Security{TLS: broker.SecurityTLS{Enabled: true, CA: client.Key}}, "has no certificate in it"},
		{"no key there", broker.Security{TLS: broker.SecurityTLS{Enabled: true, Cert: client.Cert, Key: missing}}, "look at tls.key"},
		{"a key for everybody", broker.Security{TLS: broker.SecurityTLS{Enabled: true, Cert: open.Cert, Key: open.Key}}, "chmod o= " + open.Key},
		{"another's key", broker.Security{TLS: broker.SecurityTLS{Enabled: true, Cert: client.Cert, Key: other.Key}}, "read tls.cert and tls.key"},
		{"no password there", broker.Security{SASL: login(missing)}, "open sasl.password_file"},
		{"a password for others", broker.Security{SASL: login(readable)}, "chmod o= " + readable},
		{"an empty password", broker.Security{SASL: login(file(t, "\n"))}, "is empty"},
		{"two passwords", broker.Security{SASL: login(file(t, "secret-word\nsecret-word\n"))}, "more than one line"},
		{"a log instead of a password", broker.Security{SASL: login(file(t, strings.Repeat("x", 5000)))}, "more than one line"},
		{"a password with a control character", broker.Security{SASL: login(file(t, "secret-word\x07"))}, "SCRAM does not allow"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := broker.Config{Brokers: []string{"127.0.0.1:1"}}
			err := tt.s.Apply(&cfg)
			checkError(t, err, tt.want)
			if err != nil && (strings.Contains(err.Error(), "secret-word") || strings.Contains(err.Error(), "\x07")) {
				t.Errorf("the password is in the error: %v", err)
			}
			if err == nil && (cfg.TLS != nil) != tt.s.TLS.Enabled || err == nil && (cfg.SASL != nil) != (tt.s.SASL.Mechanism != "") {
				t.Errorf("applied: got TLS %v, SASL %v", cfg.TLS != nil, cfg.SASL != nil)
			}
			if cfg.TLS != nil && cfg.TLS.InsecureSkipVerify {
				t.Error("certificates are not verified")
			}
		})
	}
}

// TestPlainInTheClearIsRefusedEverywhere sets the mechanism and then, behind Apply's back, other brokers.
func TestPlainInTheClearIsRefusedEverywhere(t *testing.T) {
	s := broker.Security{SASL: broker.SecuritySASL{Mechanism: broker.Plain, User: "u", PasswordFile: file(t, "secret-word")}}
	cfg := broker.Config{Brokers: []string{"192.0.2.1:9092"}}
	checkError(t, s.Apply(&cfg), "only brokers on loopback")
	cfg.Brokers = []string{"127.0.0.1:9092"}
	checkError(t, s.Apply(&cfg), "")
	checkError(t, cfg.Validate(), "")
	cfg.Brokers = []string{"127.0.0.1:9092", "192.0.2.1:9092"}
	_, err := broker.NewPublisher(cfg, broker.ProducerOptions{})
	checkError(t, err, "only brokers on loopback")
}

func TestPasswordIsNeverShown(t *testing.T) {
	for _, mechanism := range []string{broker.Plain, broker.ScramSHA256, broker.ScramSHA512} {
		t.Run(mechanism, func(t *testing.T) {
			s := broker.Security{SASL: broker.SecuritySASL{Mechanism: mechanism, User: "u", PasswordFile: file(t, "secret-word")}}
			cfg := broker.Config{Brokers: []string{"127.0.0.1:1"}}
			if err := s.Apply(&cfg); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			for _, value := range []any{s, &s, cfg, &cfg, cfg.SASL, struct{ C *broker.Config }{&cfg}} {
				for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
					fmt.Fprintf(&out, verb+"\n", value)
				}
				slog.New(slog.NewTextHandler(&out, nil)).Info("shown", "value", value)
				slog.New(slog.NewJSONHandler(&out, nil)).Info("shown", "value", value)
				_ = json.NewEncoder(&out).Encode(value)
				_ = yaml.NewEncoder(&out).Encode(value)
			}
			if strings.Contains(out.String(), "secret-word") || strings.Contains(out.String(), fmt.Sprintf("%x", "secret-word")) {
				t.Errorf("the password is shown:\n%s", out.String())
			}
			if !strings.Contains(out.String(), "login by "+mechanism) {
				t.Errorf("got %s, want the mechanism in it", out.String())
			}
		})
	}
}

// TestPasswordChangesUnderARunningProgram: a login uses what the file holds then, or the last that could be read.
func TestPasswordChangesUnderARunningProgram(t *testing.T) {
	path := file(t, "one")
	s := broker.Security{SASL: broker.SecuritySASL{Mechanism: broker.Plain, User: "u", PasswordFile: path}}
	cfg := broker.Config{Brokers: []string{"127.0.0.1:1"}}
	if err := s.Apply(&cfg); err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name, text string
		mode       os.FileMode
		want       string
	}{
		{"as it was", "one\n", 0o600, "\x00u\x00one"},
		{"changed", "two\r\n", 0o600, "\x00u\x00two"},
		{"emptied", "", 0o600, "\x00u\x00two"},
		{"open to everybody", "three", 0o644, "\x00u\x00two"},
		{"for a group, as systemd gives it", "half\n", 0o440, "\x00u\x00half"},
		{"closed again", "three", 0o600, "\x00u\x00three"},
		{"with spaces", " a b \n", 0o600, "\x00u\x00 a b "},
	}
	for _, step := range steps {
		write(t, path, step.text, step.mode)
		_, got, err := cfg.SASL.Start(context.Background())
		if err != nil || string(got) != step.want {
			t.Errorf("%s: got %q, %v, want %q", step.name, got, err, step.want)
		}
	}
}

// FuzzPassword: whatever a password file holds, what is read is one line that is not empty, and no error shows it.
func FuzzPassword(f *testing.F) {
	for _, seed := range []string{"secret", "secret\n", "secret\r\n", "\n", "", "a\nb", "\x00", strings.Repeat("x", 4097)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "p")
		write(t, path, string(text), 0o600)
		got, err := broker.ReadPassword(path)
		if err != nil {
			if want := "sasl.password_file " + path; !strings.HasPrefix(err.Error(), want) {
				t.Errorf("error: got %v, want %s ...", err, want)
			}
			return
		}
		if got == "" || strings.Contains(got, "\n") || !bytes.HasPrefix(text, []byte(got)) || len(text)-len(got) > 2 {
			t.Errorf("password: got %q of %q", got, text)
		}
	})
}
