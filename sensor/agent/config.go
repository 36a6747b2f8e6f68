package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/openfootfall/footfall/ingest/broker"
)

// Config is a sensor.yaml. Where the sensor stands and under what rules comes from its bundle, not from here.
type Config struct {
	// State is the folder of keys and return filters. It belongs to this sensor alone and into no backup.
	State string `yaml:"state"`
	// Bundle is imported at the first start and then deleted.
	Bundle string `yaml:"bundle"`
	Source Source `yaml:"source"`
	// RSSIInside is -75, -70 (default) or -65 dBm: at or above is inside the store.
	RSSIInside *int `yaml:"rssi_inside"`
	// RSSIFloor is the weakest passer-by in dBm (default -90).
	RSSIFloor *int `yaml:"rssi_floor"`
	Kafka     struct {
		Brokers         []string `yaml:"brokers"`
		broker.Security `yaml:",inline"`
	} `yaml:"kafka"`
	// Spool holds what Kafka has not acknowledged yet; of a live sensor only.
	Spool Spool `yaml:"spool"`
	// Listen is the address of /metrics and /healthz (default 127.0.0.1:9464); "off" for none. Of a live sensor only.
	Listen string `yaml:"listen"`
	// MemoryMB is the limit that Go's garbage collector works towards, in MiB (default 24).
	MemoryMB int `yaml:"memory_mb"`
}

// Defaults where sensor.yaml is silent (DESIGN section 2).
const (
	DefaultRSSIInside = -70
	DefaultRSSIFloor  = -90
)

// LoadConfig reads and checks a sensor.yaml, after the changes that the command line asks for. Unknown keys are errors, and the error
// names everything that is wrong at once.
func LoadConfig(path string, changes ...func(*Config)) (*Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w: name it with --config", err)
	}
	c, err := ParseConfig(raw, changes...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// ParseConfig checks the text of a sensor.yaml.
func ParseConfig(raw []byte, changes ...func(*Config)) (*Config, error) {
	var c Config
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	var errs []error
	if err := dec.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: see footfall-sensor's documentation for the keys and their values", err)
		var values *yaml.TypeError
		if !errors.As(err, &values) {
			return nil, err // not YAML: nothing was read, so nothing else can be judged
		}
		errs = append(errs, err)
	} else if err == nil && !errors.Is(dec.Decode(new(yaml.Node)), io.EOF) {
		errs = append(errs, errors.New("a second document begins at a line of ---: keep everything in one"))
	}
	for _, change := range changes {
		change(&c)
	}
	errs = append(errs, c.check()...)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &c, nil
}

func (c *Config) check() []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.State == "" {
		bad("state: name the folder that keeps this sensor's keys, such as /var/lib/footfall-sensor")
	}
	errs = append(errs, c.Source.check()...)
	inside, floor := DefaultRSSIInside, DefaultRSSIFloor
	if c.RSSIInside != nil {
		inside = *c.RSSIInside
	}
	if c.RSSIFloor != nil {
		floor = *c.RSSIFloor
	}
	if err := CheckRSSIInside(inside); err != nil {
		errs = append(errs, fmt.Errorf("rssi_inside: %w", err))
		inside = DefaultRSSIInside // to judge the floor by
	}
	if floor < -90 || floor > inside {
		bad("rssi_floor: use -90 up to rssi_inside")
	}
	c.RSSIInside, c.RSSIFloor = &inside, &floor
	if len(c.Kafka.Brokers) == 0 {
		bad("kafka.brokers: list at least one, such as 127.0.0.1:9092")
	}
	for _, b := range c.Kafka.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			bad("kafka.brokers: %q is not host:port: write it as 127.0.0.1:9092", b)
		}
	}
	errs = append(errs, c.Kafka.Validate(c.Kafka.Brokers...)...)
	return append(errs, c.checkLive()...)
}

// CheckRSSIInside refuses a threshold whose soft neighbours, 5 dB away, are not edges of the wire's bands.
func CheckRSSIInside(dbm int) error {
	switch dbm {
	case -75, -70, -65:
		return nil
	}
	return fmt.Errorf("%d dBm is not one of -75, -70, -65: choose by a walk along the walls", dbm)
}
