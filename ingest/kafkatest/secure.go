package kafkatest

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// User and Password are accepted by StartSecure's brokers with every mechanism.
const (
	User     = "sensor-7"
	Password = "correct horse battery staple"
)

var mechanisms = []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}

// Secure is a Kafka with a listener for each way of showing who one is. Apache Kafka has them on one node; the embedded kind
// is a broker each, with topics of its own.
type Secure struct {
	CA        *CA
	TLS       []string // encrypted, everybody is let in
	MutualTLS []string // encrypted, with a client certificate of the CA
	SASLTLS   []string // encrypted, with a login
	SASL      []string // plain text, with a login
	Plain     []string // Apache Kafka only: plain text, everybody may do everything
}

// StartSecure starts it. It ends with the test.
func StartSecure(t testing.TB) Secure {
	t.Helper()
	s := Secure{CA: NewCA(t)}
	server := s.CA.Issue(t, t.TempDir(), BrokerName, time.Now().Add(24*time.Hour))
	if libs := os.Getenv(LibsEnv); libs != "" {
		s.startApache(t, libs, server)
		return s
	}
	open, mutual := ServerTLS(t, server, nil), ServerTLS(t, server, s.CA)
	login := []kfake.Opt{kfake.EnableSASL()}
	for _, m := range mechanisms {
		login = append(login, kfake.Superuser(m, User, Password))
	}
	s.TLS = startFake(t, kfake.TLS(open))
	s.MutualTLS = startFake(t, kfake.TLS(mutual))
	s.SASLTLS = startFake(t, append(login, kfake.TLS(open))...)
	s.SASL = startFake(t, login...)
	return s
}

// ServerTLS is a server's configuration; with clients, it lets in only who has a certificate of that authority.
func ServerTLS(t testing.TB, p Pair, clients *CA) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if clients != nil {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		config.ClientCAs.AddCert(clients.cert)
	}
	return config
}

func startFake(t testing.TB, opts ...kfake.Opt) []string {
	t.Helper()
	cluster, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatalf("start a broker: %v", err)
	}
	t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()
}

const secureProperties = `listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,MUTUAL:SSL,SASLTLS:SASL_SSL,SASL:SASL_PLAINTEXT
ssl.keystore.type=PEM
ssl.keystore.location=%[1]s
ssl.truststore.type=PEM
ssl.truststore.location=%[2]s
listener.name.mutual.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
super.users=User:ANONYMOUS
`

// startApache starts one node with all listeners.
func (s *Secure) startApache(t testing.TB, libs string, server Pair) {
	t.Helper()
	var store []byte
	for _, file := range []string{server.Key, server.Cert} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		store = append(store, text...)
	}
	keystore := filepath.Join(t.TempDir(), "keystore.pem")
	if err := os.WriteFile(keystore, store, 0o600); err != nil {
		t.Fatal(err)
	}
	var lines, listeners strings.Builder
	fmt.Fprintf(&lines, secureProperties, keystore, s.CA.File)
	for _, listener := range []string{"sasltls", "sasl"} {
		prefix := "listener.name." + listener + "."
		fmt.Fprintf(&lines, "%splain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_%s=%q;\n", prefix, User, Password)
		for _, m := range []string{"scram-sha-256", "scram-sha-512"} {
			fmt.Fprintf(&lines, "%s%s.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n", prefix, m)
		}
	}
	ports := freePorts(t, 4)
	for i, l := range []struct {
		name  string
		addrs *[]string
	}{{"TLS", &s.TLS}, {"MUTUAL", &s.MutualTLS}, {"SASLTLS", &s.SASLTLS}, {"SASL", &s.SASL}} {
		addr := fmt.Sprintf("127.0.0.1:%d", ports[i])
		fmt.Fprintf(&listeners, ",%s://%s", l.name, addr)
		*l.addrs = []string{addr}
	}
	var format []string
	for _, m := range mechanisms[1:] {
		format = append(format, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%q]", m, User, Password))
	}
	s.Plain = []string{startApache(t, libs, extras{listeners.String(), lines.String(), format})}
}
