package broker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
)

// secured is a configuration made as the sensor makes its own.
func secured(t testing.TB, brokers []string, s broker.Security) broker.Config {
	t.Helper()
	cfg := broker.Config{Brokers: brokers, ClientID: "test"}
	if err := s.Apply(&cfg); err != nil {
		t.Fatalf("Apply: %v", err)
	}
	return cfg
}

func encrypted(k kafkatest.Secure) broker.SecurityTLS {
	return broker.SecurityTLS{Enabled: true, CA: k.CA.File}
}

func login(t testing.TB, mechanism, password string) broker.SecuritySASL {
	return broker.SecuritySASL{Mechanism: mechanism, User: kafkatest.User, PasswordFile: file(t, password+"\n")}
}

// TestEveryWayIn connects in each way that is offered, with everything the package has: topics, both senders, the reader of a
// partition and the consumer group.
func TestEveryWayIn(t *testing.T) {
	k := kafkatest.StartSecure(t)
	client := k.CA.Issue(t, t.TempDir(), "sensor-7", time.Now().Add(time.Hour))
	mutual := encrypted(k)
	mutual.Cert, mutual.Key = client.Cert, client.Key
	tests := []struct {
		name    string
		brokers []string
		s       broker.Security
	}{
		{"TLS", k.TLS, broker.Security{TLS: encrypted(k)}},
		{"mutual TLS", k.MutualTLS, broker.Security{TLS: mutual}},
		{"PLAIN in TLS", k.SASLTLS, broker.Security{TLS: encrypted(k), SASL: login(t, broker.Plain, kafkatest.Password)}},
		{"SCRAM 256 in TLS", k.SASLTLS, broker.Security{TLS: encrypted(k), SASL: login(t, broker.ScramSHA256, kafkatest.Password)}},
		{"SCRAM 512 in TLS", k.SASLTLS, broker.Security{TLS: encrypted(k), SASL: login(t, broker.ScramSHA512, kafkatest.Password)}},
		{"SCRAM 512 in the clear", k.SASL, broker.Security{SASL: login(t, broker.ScramSHA512, kafkatest.Password)}},
		{"PLAIN in the clear on loopback", k.SASL, broker.Security{SASL: login(t, broker.Plain, kafkatest.Password)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := secured(t, tt.brokers, tt.s)
			ensure(t, cfg)
			repeat(t, publisher(t, cfg, nil), broker.Counters, tt.name, list(tt.name))
			fill(t, cfg, broker.Counters, tt.name, 0, 3)
			count, err := broker.PartitionCount(soon(t), cfg, broker.Counters)
			if err != nil {
				t.Fatal(err)
			}
			got := values(t, cfg, broker.Counters, broker.PartitionOf([]byte(tt.name), count))
			if got = got[slices.Index(got, tt.name):]; len(got) < 4 || !slices.Equal(got[:4], []string{tt.name, "0", "1", "2"}) {
				t.Errorf("messages: got %v, want %s and 0 to 2", got, tt.name)
			}
			joins(t, cfg, tt.name)
		})
	}
}

// joins becomes the only member of a group.
func joins(t *testing.T, cfg broker.Config, group string) {
	t.Helper()
	c, err := broker.NewConsumer(cfg, broker.ConsumerOptions{Group: group, Topics: []string{broker.Counters}})
	if err != nil {
		t.Fatal(err)
	}
	joined := errors.New("joined")
	err = c.Run(soon(t), func(_ context.Context, g *broker.Generation) error {
		if got := len(g.Assignments()); got != partitions {
			t.Errorf("partitions of the only member: got %d, want %d", got, partitions)
		}
		return joined
	})
	if !errors.Is(err, joined) {
		t.Errorf("Run: got %v, want to join", err)
	}
}

// TestWrongSecurityIsSaidAndRepeated makes each mistake, wants its reason and what to do about it, and then puts it right
// under the same Publisher where that is possible.
func TestWrongSecurityIsSaidAndRepeated(t *testing.T) {
	k := kafkatest.StartSecure(t)
	stranger := kafkatest.NewCA(t)
	right := secured(t, k.SASLTLS, broker.Security{TLS: encrypted(k), SASL: login(t, broker.ScramSHA512, kafkatest.Password)})
	ensure(t, right)
	ensure(t, secured(t, k.TLS, broker.Security{TLS: encrypted(k)}))
	refused, wrongPort := broker.ReasonSASL, broker.ReasonNetwork
	if !kafkatest.Apache() { // which hangs up on a wrong password, and waits for the rest of what it takes for a long request
		refused, wrongPort = broker.ReasonNetwork, broker.ReasonTimeout
	}
	tests := []struct {
		name    string
		brokers []string
		s       broker.Security
		reason  string
		advice  string
	}{
		{"another authority", k.TLS, broker.Security{TLS: broker.SecurityTLS{Enabled: true, CA: stranger.File}}, broker.ReasonTLS, "in tls.ca"},
		{"the system's authorities", k.TLS, broker.Security{TLS: broker.SecurityTLS{Enabled: true}}, broker.ReasonTLS, "in tls.ca"},
		{"another name", k.TLS, broker.Security{TLS: broker.SecurityTLS{Enabled: true, CA: k.CA.File, ServerName: "other.test"}}, broker.ReasonTLS, "tls.server_name"},
		{"no client certificate", k.MutualTLS, broker.Security{TLS: encrypted(k)}, broker.ReasonTLS, "tls.cert and tls.key"},
		{"TLS to a plain port", k.SASL, broker.Security{TLS: encrypted(k)}, wrongPort, "speaks TLS on this port"},
		{"plain text to a TLS port", k.TLS, broker.Security{}, broker.ReasonNetwork, "address and port"},
		{"no login", k.SASLTLS, broker.Security{TLS: encrypted(k)}, broker.ReasonNetwork, "address and port"},
		{"wrong password, PLAIN", k.SASLTLS, broker.Security{TLS: encrypted(k), SASL: login(t, broker.Plain, "secret-word")}, refused, ""},
		{"wrong password, SCRAM 256", k.SASLTLS, broker.Security{TLS: encrypted(k), SASL: login(t, broker.ScramSHA256, "secret-word")}, refused, ""},
		{"wrong password, SCRAM 512", k.SASLTLS, broker.Security{TLS: encrypted(k), SASL: login(t, broker.ScramSHA512, "secret-word")}, refused, ""},
		{"a login nobody asked for", k.TLS, broker.Security{TLS: encrypted(k), SASL: login(t, broker.ScramSHA512, kafkatest.Password)}, broker.ReasonSASL, "offers the mechanism"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "a login nobody asked for" && !kafkatest.Apache() {
				t.Skip("the embedded kind of broker takes a login that it does not ask for")
			}
			p := publisher(t, secured(t, tt.brokers, tt.s), nil)
			err := soonReason(t, p, tt.reason)
			if tt.advice != "" {
				checkError(t, err, tt.advice)
			}
			if err != nil && strings.Contains(err.Error(), "secret-word") {
				t.Errorf("the password is in the error: %v", err)
			}
			if strings.HasPrefix(tt.name, "wrong password") {
				if kafkatest.Apache() {
					checkError(t, err, "the password in sasl.password_file")
				}
				write(t, tt.s.SASL.PasswordFile, kafkatest.Password, 0o600)
				repeat(t, p, broker.Counters, "k", list("v"))
			}
		})
	}
}

// soonReason publishes until the error has the reason: where TLS 1.3 refuses a client, its alert can be overtaken by the
// closing of the connection.
func soonReason(t testing.TB, p *broker.Publisher, want string) error {
	t.Helper()
	ctx := soon(t)
	var err error
	for range 100 {
		err = p.Publish(ctx, broker.Counters, []byte("k"), list("v"))
		if err == nil || broker.Reason(err) == want || ctx.Err() != nil {
			break
		}
	}
	checkReason(t, err, want)
	return err
}

// TestCertificatesAreReadAgain: an expired server certificate, and a client certificate of the wrong authority, are told
// about; once the files are replaced the same Publisher gets through.
func TestCertificatesAreReadAgain(t *testing.T) {
	ca, stranger := kafkatest.NewCA(t), kafkatest.NewCA(t)
	server := ca.Issue(t, t.TempDir(), kafkatest.BrokerName, time.Now().Add(-time.Hour))
	config := kafkatest.ServerTLS(t, server, ca)
	cluster := fake(t, kfake.TLS(config))
	dir := t.TempDir()
	client := stranger.Issue(t, dir, "sensor", time.Now().Add(time.Hour))
	cfg := secured(t, cluster.ListenAddrs(), broker.Security{TLS: broker.SecurityTLS{Enabled: true, CA: ca.File, Cert: client.Cert, Key: client.Key}})
	p := publisher(t, cfg, nil)
	err := p.Publish(soon(t), "t", nil, list("v"))
	checkReason(t, err, broker.ReasonTLS)
	checkError(t, err, "renew the broker's certificate, unless this machine's clock is wrong")

	good := kafkatest.ServerTLS(t, ca.Issue(t, t.TempDir(), kafkatest.BrokerName, time.Now().Add(time.Hour)), ca)
	renewed := fake(t, kfake.TLS(good))
	cfg.Brokers = renewed.ListenAddrs()
	p = publisher(t, cfg, nil)
	checkError(t, soonReason(t, p, broker.ReasonTLS), "a client certificate that it knows")
	ca.Issue(t, dir, "sensor", time.Now().Add(time.Hour))
	repeat(t, p, "t", "", list("v"))

	write(t, client.Key, "half a file", 0o600)
	p = publisher(t, cfg, nil)
	err = p.Publish(soon(t), "t", nil, list("v"))
	checkReason(t, err, broker.ReasonTLS)
	checkError(t, err, "check tls.cert and tls.key")
	ca.Issue(t, dir, "sensor", time.Now().Add(time.Hour))
	repeat(t, p, "t", "", list("v"))
}

func TestServerNameOverridesTheAddress(t *testing.T) {
	ca := kafkatest.NewCA(t)
	server := kafkatest.ServerTLS(t, ca.IssueFor(t, t.TempDir(), "inside.test"), nil)
	cluster := fake(t, kfake.TLS(server))
	for _, name := range []string{"", "inside.test"} {
		cfg := secured(t, cluster.ListenAddrs(), broker.Security{TLS: broker.SecurityTLS{Enabled: true, CA: ca.File, ServerName: name}})
		err := publisher(t, cfg, nil).Publish(soon(t), "t", nil, list("v"))
		if want := map[string]string{"": broker.ReasonTLS}[name]; broker.Reason(err) != want {
			t.Errorf("server name %q: got %v, want reason %q", name, err, want)
		}
	}
}

// TestTopicIsRefused: rights that are missing are named; once they are there, the same Publisher gets through.
func TestTopicIsRefused(t *testing.T) {
	k := kafkatest.StartSecure(t)
	if !kafkatest.Apache() {
		t.Skipf("rights are Apache Kafka's: set %s; TestPublishSaysWhatBecameOfIt has the answers", kafkatest.LibsEnv)
	}
	owner := secured(t, k.TLS, broker.Security{TLS: encrypted(k)})
	ensure(t, owner)
	client := &kafka.Client{Addr: kafka.TCP(k.Plain...)}
	entry := kafka.ACLEntry{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: broker.Counters, ResourcePatternType: kafka.PatternTypeLiteral,
		Principal: "User:" + kafkatest.User, Host: "*", Operation: kafka.ACLOperationTypeWrite, PermissionType: kafka.ACLPermissionTypeDeny,
	}
	made, err := client.CreateACLs(soon(t), &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{entry}})
	if err = errors.Join(err, errors.Join(made.Errors...)); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, secured(t, k.SASLTLS, broker.Security{TLS: encrypted(k), SASL: login(t, broker.ScramSHA512, kafkatest.Password)}), nil)
	err = nil
	for ctx := soon(t); err == nil && ctx.Err() == nil; { // the rule is not everywhere at once
		err = p.Publish(ctx, broker.Counters, []byte("k"), list("v"))
	}
	checkReason(t, err, broker.ReasonNotAuthorized)
	checkError(t, err, "kafka-acls")
	_, err = client.DeleteACLs(soon(t), &kafka.DeleteACLsRequest{Filters: []kafka.DeleteACLsFilter{{
		ResourceTypeFilter: entry.ResourceType, ResourceNameFilter: entry.ResourceName, ResourcePatternTypeFilter: entry.ResourcePatternType,
		PrincipalFilter: entry.Principal, HostFilter: entry.Host, Operation: entry.Operation, PermissionType: entry.PermissionType,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	repeat(t, p, broker.Counters, "k", list("v"))
}
