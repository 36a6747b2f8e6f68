package agent

import (
	"fmt"
	"path/filepath"
	"regexp"
	"time"

	"github.com/openfootfall/footfall/sensor/radio"
	"github.com/openfootfall/footfall/sensor/status"
)

// Source says where frames come from: captures, or an interface.
type Source struct {
	// Files are captures (pcap, pcapng, gzip), in the order of time; "-" is standard input.
	Files []string `yaml:"files"`
	// Interface is a Wi-Fi interface to listen on, such as wlan1.
	Interface string `yaml:"interface"`
	// Monitor puts the interface into monitor mode, and back at the end. Without it the interface must be of that kind already.
	Monitor bool `yaml:"monitor"`
	// Channels is where to listen; only with Monitor.
	Channels ChannelPlan `yaml:"channels"`
	// SilentAfter is how long nothing at all may be heard, on every channel, before capture is opened anew (default 5 min).
	SilentAfter time.Duration `yaml:"silent_after"`
}

// ChannelPlan is a channel plan.
type ChannelPlan struct {
	// Bands are of 2.4, 5 and 6 (GHz); default 2.4 and 5, where the radio can.
	Bands []string `yaml:"bands"`
	// List names channels instead, such as 1, 6, 11, 36; those of 6 GHz as 6g5.
	List []string `yaml:"list"`
	// Dwell is how long to stay on one.
	Dwell time.Duration `yaml:"dwell"`
}

// Spool says how much may wait for Kafka, and how long.
type Spool struct {
	// Dir is its folder (default: spool in the state folder).
	Dir string `yaml:"dir"`
	// MaxMB bounds it, in MiB (default 64). When it is full the oldest goes.
	MaxMB int `yaml:"max_mb"`
	// Fsync is how much a power cut may lose (default 2 s).
	Fsync time.Duration `yaml:"fsync"`
	// IDAge is spool_id_age: ids that wait for longer become counts (default 6 h; DESIGN section 6).
	IDAge time.Duration `yaml:"id_age"`
}

// Defaults and bounds of a live sensor's settings.
const (
	DefaultListen      = status.DefaultListen
	DefaultMemoryMB    = 24
	DefaultSilentAfter = 5 * time.Minute
	DefaultSpoolMB     = 64
	DefaultFsync       = 2 * time.Second
	DefaultIDAge       = 6 * time.Hour

	// NoListen as listen serves nothing.
	NoListen = "off"
)

// Live reports whether frames come from a radio.
func (c *Config) Live() bool { return c.Source.Interface != "" }

// WithInterface takes the interface of the command line instead of the file's source, before that is judged.
func WithInterface(name string) func(*Config) {
	return func(c *Config) { c.Source.Files, c.Source.Interface = nil, name }
}

// namedByAddress are the names that systemd gives USB radios: wlx and twelve digits.
var namedByAddress = regexp.MustCompile(`[0-9a-fA-F]{12}`)

func (s *Source) check() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch {
	case len(s.Files) == 0 && s.Interface == "":
		bad("source: name an interface, or list captures under files (- is standard input)")
	case len(s.Files) > 0 && s.Interface != "":
		bad("source: it has files and an interface: a sensor has one source, so leave out one of them")
	}
	for i, f := range s.Files {
		if f == "" {
			bad("source.files: entry %d is empty: name a capture", i+1)
		}
		if f == "-" && len(s.Files) > 1 {
			bad("source.files: standard input (-) stands alone")
		}
	}
	if len(s.Interface) > 15 || s.Interface != "" && filepath.Base(s.Interface) != s.Interface {
		bad("source.interface: %q is not the name of an interface: ip link lists them", s.Interface)
	}
	if namedByAddress.MatchString(s.Interface) {
		bad("source.interface: this name holds the radio's own address, which would stand in errors and logs: give it another in a .link file, as deploy/INSTALL-SENSOR.md says")
	}
	if !s.Monitor && (len(s.Channels.Bands) > 0 || len(s.Channels.List) > 0 || s.Channels.Dwell != 0) {
		bad("source.channels: they are set only with monitor: true; otherwise whoever set the interface up chooses")
	}
	if s.SilentAfter == 0 {
		s.SilentAfter = DefaultSilentAfter
	}
	if s.SilentAfter < 10*time.Second {
		bad("source.silent_after: use at least 10s")
	}
	return append(errs, s.Channels.check()...)
}

func (c *ChannelPlan) check() (errs []error) {
	spec := radio.PlanSpec{Bands: c.Bands, List: c.List, Dwell: c.Dwell}
	if err := spec.Check(); err != nil {
		errs = append(errs, fmt.Errorf("source.channels: %w", err))
	}
	return errs
}

// checkLive sets the defaults of a live sensor and says what is wrong.
func (c *Config) checkLive() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	s := &c.Spool
	if s.Dir == "" {
		s.Dir = filepath.Join(c.State, "spool")
	}
	setDefault(&s.MaxMB, DefaultSpoolMB)
	setDefault(&s.Fsync, DefaultFsync)
	setDefault(&s.IDAge, DefaultIDAge)
	setDefault(&c.Listen, DefaultListen)
	setDefault(&c.MemoryMB, DefaultMemoryMB)
	if s.MaxMB < 1 || s.MaxMB > 1<<10 {
		bad("spool.max_mb: use 1 up to %d", 1<<10)
	}
	if s.Fsync < 200*time.Millisecond || s.Fsync > 10*time.Minute {
		bad("spool.fsync: use 200ms up to 10m")
	}
	if s.IDAge < time.Minute || s.IDAge > 24*time.Hour {
		bad("spool.id_age: use 1m up to 24h")
	}
	if c.MemoryMB < 12 || c.MemoryMB > 1<<14 {
		bad("memory_mb: use at least 12")
	}
	if c.Listen != NoListen {
		if err := status.CheckListen(c.Listen); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}
