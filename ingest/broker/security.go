package broker

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
)

// Security is how a client shows who it is and whom it trusts; its yaml form is the same everywhere. Secrets are named as
// files, so that the value can be logged and printed. The zero value speaks plain text and does not log in.
type Security struct {
	TLS  SecurityTLS  `yaml:"tls"`
	SASL SecuritySASL `yaml:"sasl"`
}

// SecurityTLS is the encryption. The brokers' certificates are always verified: there is no switch that leaves it out.
type SecurityTLS struct {
	Enabled    bool   `yaml:"enabled"`
	CA         string `yaml:"ca"`          // PEM file of the authorities that are trusted; empty: the system's
	Cert       string `yaml:"cert"`        // PEM file of a client certificate (mutual TLS), with its chain
	Key        string `yaml:"key"`         // PEM file of its key
	ServerName string `yaml:"server_name"` // the name in the brokers' certificates; empty: the name each is reached by
}

// SecuritySASL is the login.
type SecuritySASL struct {
	Mechanism    string `yaml:"mechanism"` // Plain, ScramSHA256 or ScramSHA512; empty: no login
	User         string `yaml:"user"`
	PasswordFile string `yaml:"password_file"` // one line; not readable by everybody
}

// The SASL mechanisms.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
)

var errPlainInClear = errors.New("sasl.mechanism PLAIN without TLS would send the password in the clear: " +
	"set tls.enabled, or use SCRAM-SHA-512; only brokers on loopback may be logged in to so")

// Validate says everything that is wrong without touching files. Given the brokers, it also refuses a password in the clear
// to any that is not on loopback; Apply and Config.Validate refuse that in any case.
func (s Security) Validate(brokers ...string) []error {
	var errs []error
	add := func(wrong bool, text string) {
		if wrong {
			errs = append(errs, errors.New(text))
		}
	}
	t := s.TLS
	add(!t.Enabled && t != SecurityTLS{}, "tls: files or a server name are given and it is not enabled: set tls.enabled: true, or remove them")
	add((t.Cert == "") != (t.Key == ""), "tls: a client certificate needs both: set tls.cert and tls.key, or neither")
	_, _, err := net.SplitHostPort(t.ServerName)
	add(err == nil || strings.ContainsAny(t.ServerName, "/ "), "tls.server_name: write the name only, such as kafka.example.org")

	l := s.SASL
	switch l.Mechanism {
	case "":
		add(l != SecuritySASL{}, "sasl: a user or a password file is given and no mechanism: set sasl.mechanism to SCRAM-SHA-512, or remove them")
		return errs
	case Plain, ScramSHA256, ScramSHA512:
	default:
		errs = append(errs, fmt.Errorf("sasl.mechanism %q is not known: choose SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN", l.Mechanism))
	}
	add(l.User == "", "sasl.user is missing: name the user")
	add(l.PasswordFile == "", "sasl.password_file is missing: name a file with the password, readable by its owner only")
	if l.Mechanism == Plain && !t.Enabled && len(brokers) > 0 && !loopback(brokers) {
		errs = append(errs, errPlainInClear)
	}
	return errs
}

// Apply validates, reads the files and sets the configuration's TLS and SASL; its brokers have to be set. Later, a client
// certificate is read again for every handshake and the password for every login, so that both can be replaced while the
// program runs; tls.ca is read once.
func (s Security) Apply(c *Config) error {
	if errs := s.Validate(c.Brokers...); len(errs) > 0 {
		return errors.Join(errs...)
	}
	if s.TLS.Enabled {
		config, err := s.TLS.config()
		if err != nil {
			return err
		}
		c.TLS = config
	}
	if s.SASL.Mechanism != "" {
		l, err := newLogin(s.SASL)
		if err != nil {
			return err
		}
		c.SASL = l
	}
	return nil
}

var errCertificate = errors.New("the client certificate cannot be used")

func (s SecurityTLS) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.ServerName}
	if s.CA != "" {
		text, err := os.ReadFile(s.CA)
		if err != nil {
			return nil, fmt.Errorf("read tls.ca: %w: name a readable PEM file", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("tls.ca %s has no certificate in it: name a PEM file, one that has lines with BEGIN CERTIFICATE", s.CA)
		}
	}
	if s.Cert == "" {
		return config, nil
	}
	if _, err := s.certificate(); err != nil {
		return nil, err
	}
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return s.certificate() }
	return config, nil
}

func (s SecurityTLS) certificate() (*tls.Certificate, error) {
	info, err := os.Stat(s.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: look at tls.key: %w", errCertificate, err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("%w: everybody may read tls.key: run: chmod o= %s", errCertificate, s.Key)
	}
	pair, err := tls.LoadX509KeyPair(s.Cert, s.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: read tls.cert and tls.key: %w", errCertificate, err)
	}
	return &pair, nil
}

// maxPassword bounds what is read of a password file: a wrong file, a log perhaps, shall not end up in memory.
const maxPassword = 4096

// readPassword reads a file that not everybody may read. No error holds any of it.
func readPassword(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("open sasl.password_file: %w: name a file that this user may read", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("look at sasl.password_file: %w", err)
	}
	// systemd gives a service its credentials with mode 0440, and lets nobody else into their folder.
	if info.Mode().Perm()&0o007 != 0 {
		return "", fmt.Errorf("everybody may read sasl.password_file: run: chmod o= %s", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPassword+1))
	if err != nil {
		return "", fmt.Errorf("read sasl.password_file: %w", err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	switch {
	case password == "":
		return "", fmt.Errorf("sasl.password_file %s is empty: write the password into it", path)
	case len(text) > maxPassword, slices.Contains(text[:len(password)], '\n'):
		return "", fmt.Errorf("sasl.password_file %s holds more than one line: write the password alone into it", path)
	}
	return password, nil
}
