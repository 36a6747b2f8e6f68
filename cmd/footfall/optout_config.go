package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/optout"
	"github.com/openfootfall/footfall/sensor/optout/guard"
	"github.com/openfootfall/footfall/sensor/optout/notice"
	"github.com/openfootfall/footfall/sensor/status"
)

// Where the parts listen where the configuration is silent: on loopback, each on a port of its own.
const (
	defaultServeKafka = "127.0.0.1:9092"
	defaultMetrics    = "127.0.0.1:9466"
)

// pagesConfig is what footfall optout and footfall serve are both told about the pages for shoppers.
type pagesConfig struct {
	notice.Org `yaml:",inline"` // controller, contact, url
	// Desk says that the stores have a service desk that enters addresses for shoppers; the sign promises it only then.
	Desk bool `yaml:"desk"`
	// Listen is host:port; TLS is needed beyond loopback, here or at a proxy in front.
	Listen string `yaml:"listen"`
	TLS    struct {
		Cert string `yaml:"cert"`
		Key  string `yaml:"key"`
	} `yaml:"tls"`
	// BehindProxy says that a proxy in front speaks TLS with shoppers, and TrustedProxies whose X-Forwarded-For is believed.
	BehindProxy    bool     `yaml:"behind_proxy"`
	TrustedProxies []string `yaml:"trusted_proxies"`
	// Stores is the chain's stores.yaml.
	Stores string `yaml:"stores"`
	// Metrics is where /metrics and /healthz are served, on loopback.
	Metrics string `yaml:"metrics"`
}

// optOutConfig is an optout.yaml.
type optOutConfig struct {
	pagesConfig `yaml:",inline"`
	// OptOutKey is the organisation's opt-out key, made by footfall keys optout.
	OptOutKey string `yaml:"optout_key"`
	// Data is the folder of the notices' versions and the audit log.
	Data  string `yaml:"data"`
	Kafka struct {
		Brokers         []string `yaml:"brokers"`
		broker.Security `yaml:",inline"`
	} `yaml:"kafka"`
}

// serveConfig is a footfall.yaml: one process, one data folder.
type serveConfig struct {
	pagesConfig `yaml:",inline"`
	// Data is the one folder: topics, tables, keys, notices' versions, audit log.
	Data string `yaml:"data"`
	// StorePage is where the page with the stores' numbers is served, on loopback; off for none.
	StorePage string `yaml:"store_page"`
	// KafkaListen is where sensors on this machine reach the embedded Kafka.
	KafkaListen string `yaml:"kafka_listen"`
	// API is where programs read the numbers with tokens.
	API apiConfig `yaml:"api"`
}

// readConfig decodes a YAML file strictly and judges it: unknown keys are errors, and the error names everything that is wrong.
func readConfig[T any](path string, into *T, check func(*T) []error) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the configuration: %w: name it with --config", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w: cmd/README.md has the keys and their values", path, err)
	}
	if errs := check(into); len(errs) > 0 {
		return fmt.Errorf("%s: %w", path, errors.Join(errs...))
	}
	return nil
}

// check says everything for which the pages could not be served as they are told to; nothing is created before it is content.
func (c *pagesConfig) check(listen string) []error {
	or(&c.Listen, listen)
	or(&c.Stores, "stores.yaml")
	or(&c.Metrics, defaultMetrics)
	errs := append(c.Check(), optout.Options{
		Listen: c.Listen, CertFile: c.TLS.Cert, KeyFile: c.TLS.Key, BehindProxy: c.BehindProxy,
	}.Check()...)
	if err := checkMetrics(c.Metrics); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, apart(place{"listen", c.Listen}, place{"metrics", c.Metrics})...)
	_, err := c.proxies()
	return append(errs, err...)
}

// place is where something is to listen, and the key that says so.
type place struct{ key, listen string }

// apart says which two places are one. The second of two that begin to listen there would fail when the first has made its files.
func apart(places ...place) []error {
	var errs []error
	for i, a := range places {
		for _, b := range places[:i] {
			if samePlace(a.listen, b.listen) {
				errs = append(errs, fmt.Errorf("%s: %s is where %s listens already: give each a port of its own", a.key, a.listen, b.key))
			}
		}
	}
	return errs
}

// samePlace reports whether two servers cannot listen at both at once: one port, and one address or any. Port 0 is a free one.
func samePlace(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	everywhere := func(host string) bool { return host == "" || net.ParseIP(host).IsUnspecified() }
	named := func(host string) string {
		if host == "localhost" {
			return "127.0.0.1"
		}
		return host
	}
	return everywhere(hostA) || everywhere(hostB) || named(hostA) == named(hostB)
}

// checkMetrics checks where metrics are to be served.
func checkMetrics(listen string) error {
	if listen == "off" {
		return nil
	}
	if err := status.CheckListen(listen); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// proxies are the trusted proxies as prefixes; a plain address is a prefix of its whole length.
func (c *pagesConfig) proxies() (list []netip.Prefix, errs []error) {
	for _, text := range c.TrustedProxies {
		p, err := netip.ParsePrefix(text)
		if a, aerr := netip.ParseAddr(text); aerr == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("trusted_proxies: %q is not an address: write it as 127.0.0.1 or 10.0.0.0/8", text))
			continue
		}
		list = append(list, p)
	}
	if c.BehindProxy && len(c.TrustedProxies) == 0 {
		errs = append(errs, errors.New("behind_proxy: to tell shoppers apart it must be known whose X-Forwarded-For to believe, or the first flood shuts everybody out: "+
			"write the proxy's address under trusted_proxies"))
	}
	if err := guard.CheckProxies(list); err != nil {
		errs = append(errs, err)
	}
	return list, errs
}

func (c *optOutConfig) check() []error {
	errs := c.pagesConfig.check(optout.DefaultListen)
	or(&c.OptOutKey, "optout.key")
	or(&c.Data, "optout-data")
	if len(c.Kafka.Brokers) == 0 {
		errs = append(errs, errors.New("kafka.brokers: list at least one, such as 127.0.0.1:9092"))
	}
	return append(errs, c.Kafka.Validate(c.Kafka.Brokers...)...)
}

// checkKey reads the opt-out key as the service will.
func (c *optOutConfig) checkKey() error {
	_, err := keys.LoadOptOutKey(c.OptOutKey)
	return err
}

func (c *serveConfig) check() []error {
	errs := c.pagesConfig.check(optout.DefaultListen)
	or(&c.Data, "footfall-data")
	or(&c.KafkaListen, defaultServeKafka)
	or(&c.StorePage, defaultLook)
	if err := checkLook(c.StorePage); err != nil {
		errs = append(errs, fmt.Errorf("store_page: %w", err))
	}
	if err := c.API.check(); err != nil {
		errs = append(errs, err)
	}
	// listen and metrics are told apart already.
	for _, more := range []place{{"kafka_listen", c.KafkaListen}, {"store_page", c.StorePage}, {"api.listen", c.API.Listen}} {
		for _, other := range []place{{"listen", c.Listen}, {"metrics", c.Metrics}} {
			errs = append(errs, apart(other, more)...)
		}
	}
	errs = append(errs, apart(place{"store_page", c.StorePage}, place{"kafka_listen", c.KafkaListen})...)
	for _, other := range []place{{"store_page", c.StorePage}, {"kafka_listen", c.KafkaListen}} {
		errs = append(errs, apart(other, place{"api.listen", c.API.Listen})...)
	}
	return errs
}

func (c *serveConfig) path(name string) string { return filepath.Join(c.Data, name) }

// or sets a value that the configuration left out.
func or(value *string, silent string) {
	if *value == "" {
		*value = silent
	}
}
