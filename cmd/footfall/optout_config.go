package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/sensor/optout"
	"github.com/openfootfall/footfall/sensor/optout/notice"
	"github.com/openfootfall/footfall/sensor/status"
)

// Where the parts listen where the configuration is silent: on loopback, each on a port of its own.
const (
	defaultServePages = "127.0.0.1:8080"
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
	// KafkaListen is where sensors on this machine reach the embedded Kafka.
	KafkaListen string `yaml:"kafka_listen"`
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

func (c *pagesConfig) check(listen string) []error {
	or(&c.Listen, listen)
	or(&c.Stores, "stores.yaml")
	or(&c.Metrics, defaultMetrics)
	errs := c.Check()
	if err := checkMetrics(c.Metrics); err != nil {
		errs = append(errs, err)
	}
	_, err := c.proxies()
	return append(errs, err...)
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
		}
		list = append(list, p)
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

func (c *serveConfig) check() []error {
	errs := c.pagesConfig.check(defaultServePages)
	or(&c.Data, "footfall-data")
	or(&c.KafkaListen, defaultServeKafka)
	return errs
}

func (c *serveConfig) path(name string) string { return filepath.Join(c.Data, name) }

// or sets a value that the configuration left out.
func or(value *string, silent string) {
	if *value == "" {
		*value = silent
	}
}
