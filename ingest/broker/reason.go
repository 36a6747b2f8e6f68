package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// Reasons why Kafka did not do what it was asked: the values of the metrics' labels.
const (
	ReasonNetwork       = "network"        // no connection, or one that broke
	ReasonDNS           = "dns"            // a broker's name has no address
	ReasonTLS           = "tls"            // a certificate is not accepted, by us or by the broker
	ReasonSASL          = "sasl"           // the login is refused
	ReasonTimeout       = "timeout"        // no answer in time: it may have been stored
	ReasonNotAuthorized = "not_authorized" // the user may not do this
	ReasonUnknownTopic  = "unknown_topic"  // the topic is not there
	ReasonTooLarge      = "too_large"      // more than the broker takes in one message or batch
	ReasonBrokerFull    = "broker_full"    // no room on the broker's disk, or a quota
	ReasonInvalid       = "invalid"        // the broker will never take these bytes
	ReasonClock         = "clock"          // the broker refuses the time of sending: one of the two clocks is wrong
	ReasonUnsupported   = "unsupported"    // the broker does not speak what we do: another version, or a proxy
	ReasonBroker        = "broker"         // the broker cannot now: no leader, too few replicas, overload
)

// Reasons are all values that Reason returns, in a fixed order.
func Reasons() []string {
	return []string{
		ReasonNetwork, ReasonDNS, ReasonTLS, ReasonSASL, ReasonTimeout, ReasonNotAuthorized, ReasonUnknownTopic, ReasonTooLarge,
		ReasonBrokerFull, ReasonInvalid, ReasonClock, ReasonUnsupported, ReasonBroker,
	}
}

// Reason sorts an error of this package into the closed list of Reasons; "" for no error.
func Reason(err error) string {
	var answer kafka.Error
	var name *net.DNSError
	var slow net.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errLogin), errors.Is(err, errPlainInClear):
		return ReasonSASL
	case errors.As(err, &answer):
		return reasonOfAnswer(answer)
	case errors.Is(err, errTooLarge):
		return ReasonTooLarge
	case errors.Is(err, errNoValues):
		return ReasonInvalid
	case refusedTLS(err):
		return ReasonTLS
	case errors.As(err, &name):
		return ReasonDNS
	case errors.Is(err, protocol.ErrNoTopic), errors.Is(err, protocol.ErrNoPartition):
		return ReasonUnknownTopic
	case errors.Is(err, protocol.ErrNoLeader), errors.Is(err, ErrNoBrokerTime):
		return ReasonBroker
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return ReasonTimeout
	}
	return ReasonNetwork
}

func reasonOfAnswer(answer kafka.Error) string {
	switch answer {
	case kafka.SASLAuthenticationFailed, kafka.UnsupportedSASLMechanism, kafka.IllegalSASLState:
		return ReasonSASL
	case kafka.TopicAuthorizationFailed, kafka.ClusterAuthorizationFailed, kafka.GroupAuthorizationFailed:
		return ReasonNotAuthorized
	case kafka.UnknownTopicOrPartition, kafka.InvalidTopic:
		return ReasonUnknownTopic
	case kafka.MessageSizeTooLarge, kafka.RecordListTooLarge:
		return ReasonTooLarge
	case kafka.KafkaStorageError, kafka.PolicyViolation:
		return ReasonBrokerFull // managed Kafka answers with a policy violation where a storage quota is used up
	case kafka.InvalidRecord, kafka.InvalidMessageSize:
		return ReasonInvalid
	case kafka.InvalidTimestamp: // Kafka 4 takes at most an hour ahead (message.timestamp.after.max.ms)
		return ReasonClock
	case kafka.UnsupportedForMessageFormat, kafka.UnsupportedCompressionType, kafka.UnsupportedVersion, kafka.InvalidRequest:
		return ReasonUnsupported
	case kafka.RequestTimedOut:
		return ReasonTimeout
	}
	return ReasonBroker
}

// refusedTLS tells a certificate or a session that one side does not accept from a network that broke during the handshake.
func refusedTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.Is(err, errCertificate), errors.As(err, &verification), errors.As(err, &record):
		return true
	case errors.As(err, &op): // crypto/tls calls the alerts of both sides so
		return op.Op == "remote error" || op.Op == "local error"
	}
	return false
}

// Outcome sorts errors by what may be done about them.
type Outcome uint8

// The outcomes. Later and Refused are both repeated; Refused needs a person as well.
const (
	Later    Outcome = iota // try again: the network, a broker that is slow, gone or full
	Refused                 // somebody has to act: certificates, login, rights, the topic, a clock, a version
	TooLarge                // send less at once
	Invalid                 // no broker will take it: do not repeat it
)

// String is the outcome as a log shows it.
func (o Outcome) String() string {
	switch o {
	case Later:
		return "later"
	case Refused:
		return "refused"
	case TooLarge:
		return "too large"
	case Invalid:
		return "invalid"
	}
	return fmt.Sprintf("outcome_%d", uint8(o))
}

// OutcomeOf says what may be done about an error of this package, by its Reason.
func OutcomeOf(reason string) Outcome {
	switch reason {
	case ReasonTLS, ReasonSASL, ReasonNotAuthorized, ReasonUnknownTopic, ReasonClock, ReasonUnsupported:
		return Refused
	case ReasonTooLarge:
		return TooLarge
	case ReasonInvalid:
		return Invalid
	}
	return Later
}

// advised is an error with what to do about it.
type advised struct {
	error
	next string
}

// Error implements error.
func (a advised) Error() string { return a.error.Error() + ": " + a.next }

// Unwrap gives the error without the advice.
func (a advised) Unwrap() error { return a.error }

// advise ends an error's text with what to do next, once.
func advise(err error) error {
	var already advised
	if err == nil || errors.As(err, &already) {
		return err
	}
	if next := Advice(err); next != "" {
		return advised{err, next}
	}
	return err
}

// Advice says what to do about an error of this package; "" where there is nothing to do but wait.
func Advice(err error) string {
	reason := Reason(err)
	if errors.Is(err, errHandshake) && (reason == ReasonNetwork || reason == ReasonTimeout) {
		return "check that the broker runs and speaks TLS on this port"
	}
	switch reason {
	case ReasonNetwork:
		return "check that the broker runs and that this machine may reach its address and port"
	case ReasonDNS:
		return "check this machine's DNS, and the name; one that is not configured here is from the broker's advertised.listeners"
	case ReasonTLS:
		return adviceOnTLS(err)
	case ReasonSASL:
		return "check sasl.user, the password in sasl.password_file, and that the broker offers the mechanism"
	case ReasonTimeout:
		return "check the network's speed and the broker's load"
	case ReasonNotAuthorized:
		return "give this user the right to the topic (kafka-acls)"
	case ReasonUnknownTopic:
		return "start the aggregator once: it creates the topics"
	case ReasonTooLarge:
		if errors.Is(err, errTooLarge) {
			return fmt.Sprintf("send at most %d bytes at once", MaxMessage)
		}
		return "set the topic's max.message.bytes to Kafka's default of 1048588"
	case ReasonClock:
		return "set this machine's clock, or the broker's: they differ by an hour or more"
	case ReasonUnsupported:
		return "use Apache Kafka 2.1 or later, and no proxy between that takes zstd or newer requests apart"
	case ReasonBrokerFull:
		return "make room on the broker's disk, or raise its quota"
	}
	return ""
}

func adviceOnTLS(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "name the PEM file of the authority that signed the broker's certificate in tls.ca, or install the system's ca-certificates"
	case errors.As(err, &name):
		return "use a broker name that is in its certificate, or set tls.server_name to one"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "renew the broker's certificate, unless this machine's clock is wrong: set that then"
	case errors.As(err, &record):
		return "the broker does not speak TLS on this port: use its TLS port"
	case errors.Is(err, errCertificate):
		return "check tls.cert and tls.key"
	}
	return "the two do not accept each other: give the broker a client certificate that it knows in tls.cert and tls.key"
}
