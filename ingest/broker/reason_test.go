package broker_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"github.com/openfootfall/footfall/ingest/broker"
)

func TestReason(t *testing.T) {
	expired := &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}
	tests := []struct {
		name   string
		err    error
		want   string
		out    broker.Outcome
		advice string // a part of it
	}{
		{"no error", nil, "", broker.Later, ""},
		{"closed", io.EOF, broker.ReasonNetwork, broker.Later, "that the broker runs"},
		{"refused", &net.OpError{Op: "dial", Err: errors.New("connection refused")}, broker.ReasonNetwork, broker.Later, "that the broker runs"},
		{"no such name", &net.OpError{Op: "dial", Err: &net.DNSError{Name: "kafka", IsNotFound: true}}, broker.ReasonDNS, broker.Later, "advertised.listeners"},
		{"the name service is slow", &net.DNSError{Name: "kafka", IsTimeout: true}, broker.ReasonDNS, broker.Later, "DNS"},
		{"deadline", context.DeadlineExceeded, broker.ReasonTimeout, broker.Later, "speed"},
		{"slow connection", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, broker.ReasonTimeout, broker.Later, "speed"},
		{"Kafka's own timeout", kafka.RequestTimedOut, broker.ReasonTimeout, broker.Later, "speed"},
		{"unknown authority", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, broker.ReasonTLS, broker.Refused, "tls.ca"},
		{"another name", &tls.CertificateVerificationError{Err: x509.HostnameError{}}, broker.ReasonTLS, broker.Refused, "tls.server_name"},
		{"expired", expired, broker.ReasonTLS, broker.Refused, "clock"},
		{"plain text", tls.RecordHeaderError{}, broker.ReasonTLS, broker.Refused, "does not speak TLS"},
		{"an alert", &net.OpError{Op: "remote error", Err: tls.AlertError(42)}, broker.ReasonTLS, broker.Refused, "client certificate"},
		{"wrong password", fmt.Errorf("%w: no", kafka.SASLAuthenticationFailed), broker.ReasonSASL, broker.Refused, "sasl.password_file"},
		{"mechanism not offered", kafka.UnsupportedSASLMechanism, broker.ReasonSASL, broker.Refused, "offers the mechanism"},
		{"no right to the topic", kafka.TopicAuthorizationFailed, broker.ReasonNotAuthorized, broker.Refused, "kafka-acls"},
		{"no right to the cluster", kafka.ClusterAuthorizationFailed, broker.ReasonNotAuthorized, broker.Refused, "kafka-acls"},
		{"no topic", kafka.UnknownTopicOrPartition, broker.ReasonUnknownTopic, broker.Refused, "creates the topics"},
		{"no topic, kafka-go's words", protocol.ErrNoTopic, broker.ReasonUnknownTopic, broker.Refused, "creates the topics"},
		{"no partition, kafka-go's words", protocol.ErrNoPartition, broker.ReasonUnknownTopic, broker.Refused, "creates the topics"},
		{"no leader, kafka-go's words", protocol.ErrNoLeader, broker.ReasonBroker, broker.Later, ""},
		{"too large", kafka.MessageSizeTooLarge, broker.ReasonTooLarge, broker.TooLarge, "max.message.bytes"},
		{"disk", kafka.KafkaStorageError, broker.ReasonBrokerFull, broker.Later, "disk"},
		{"policy", kafka.PolicyViolation, broker.ReasonBrokerFull, broker.Later, "quota"},
		{"bad record", kafka.InvalidRecord, broker.ReasonInvalid, broker.Invalid, ""},
		{"a time far ahead", kafka.InvalidTimestamp, broker.ReasonClock, broker.Refused, "set this machine's clock"},
		{"no zstd", kafka.UnsupportedCompressionType, broker.ReasonUnsupported, broker.Refused, "2.1 or later"},
		{"another version", kafka.UnsupportedVersion, broker.ReasonUnsupported, broker.Refused, "2.1 or later"},
		{"not the leader", kafka.NotLeaderForPartition, broker.ReasonBroker, broker.Later, ""},
		{"too few replicas", kafka.NotEnoughReplicas, broker.ReasonBroker, broker.Later, ""},
		{"bytes broken on the way", kafka.InvalidMessage, broker.ReasonBroker, broker.Later, ""},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.err
			if err != nil {
				err = fmt.Errorf("send to t/0: %w", err)
			}
			seen[broker.Reason(err)] = true
			if got := broker.Reason(err); got != tt.want {
				t.Errorf("reason: got %s, want %s", got, tt.want)
			}
			if got := broker.OutcomeOf(broker.Reason(err)); got != tt.out {
				t.Errorf("outcome: got %v, want %v", got, tt.out)
			}
			if tt.advice != "" {
				checkError(t, errors.New(broker.Advice(err)), tt.advice)
			} else if got := broker.Advice(err); got != "" {
				t.Errorf("advice: got %q, want none", got)
			}
		})
	}
	for _, r := range broker.Reasons() {
		if !seen[r] {
			t.Errorf("no error has the reason %s", r)
		}
		delete(seen, r)
	}
	delete(seen, "")
	if len(seen) > 0 {
		t.Errorf("reasons outside the closed list: %v", seen)
	}
}

// TestEveryAnswerOfKafkaHasAReason goes over all error codes, known to kafka-go or not.
func TestEveryAnswerOfKafkaHasAReason(t *testing.T) {
	for code := -1; code < 200; code++ {
		if code == 0 {
			continue
		}
		if got := broker.Reason(kafka.Error(code)); !slices.Contains(broker.Reasons(), got) || got == broker.ReasonNetwork {
			t.Errorf("reason of code %d: got %q, want one that is not the network's", code, got)
		}
	}
}

func TestOutcomeString(t *testing.T) {
	for want, o := range map[string]broker.Outcome{
		"later": broker.Later, "refused": broker.Refused, "too large": broker.TooLarge, "invalid": broker.Invalid, "outcome_9": 9,
	} {
		if got := o.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
