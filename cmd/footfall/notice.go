package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/lifetime"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/optout/notice"
)

const noticeHelp = `footfall notice prints the privacy notice of a store, made from its settings in stores.yaml and from what its sensors say that
they work under. The service shows the same on its pages. Who is responsible, how to reach them and where the opt-out page is
stand in the service's configuration, as controller, contact and url. Without brokers, there or here, no sensor is asked, the
defaults are taken, and the notice says so. After a change the service goes on stating what is still held of before; here --history
does that.

  footfall notice --store demo
  footfall notice --store demo --config optout.yaml --kafka 127.0.0.1:9092 --lang de`

// noticeWidth is how long a line of a notice may be: it is read in a terminal.
const noticeWidth = 96

// noticeOptions are the flags of footfall notice.
type noticeOptions struct {
	stores, store, config, lang, kafka, history string
	json, embedded                              bool
	wait                                        time.Duration
	now                                         time.Time
}

// noticeConfig is what footfall notice reads of the service's configuration, which holds more.
type noticeConfig struct {
	notice.Org `yaml:",inline"`
	Kafka      struct {
		Brokers         []string `yaml:"brokers"`
		broker.Security `yaml:",inline"`
	} `yaml:"kafka"`
}

func noticeCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	o := noticeOptions{now: time.Now()}
	f := flags("notice", "usage: footfall notice [flags]\n\n"+noticeHelp, out, errs)
	f.StringVar(&o.stores, "stores", "stores.yaml", "`file` of the chain's stores")
	f.StringVar(&o.store, "store", "", "the `store` whose notice it is; the only one where empty")
	f.StringVar(&o.config, "config", "optout.yaml", "`file` of the service's configuration, with controller, contact and url")
	f.StringVar(&o.lang, "lang", "en", "`language`: "+strings.Join(notice.Languages(), " or "))
	f.StringVar(&o.kafka, "kafka", "", "Kafka `brokers`, host:port, separated by commas, instead of the configuration's")
	f.StringVar(&o.history, "history", "", "`folder` of the notices' versions: print what changed and when, too, and state what is still held of before a change")
	f.BoolVar(&o.json, "json", false, "print the facts that the notice states, as JSON")
	f.BoolVar(&o.embedded, "one-computer", false, "all but the sensors runs on one computer, as in footfall serve")
	f.DurationVar(&o.wait, "wait", 15*time.Second, "how long Kafka may take to answer")
	if err := f.parse(args); err != nil {
		return err
	}
	if !slices.Contains(notice.Languages(), o.lang) {
		return f.wrong("--lang %q: use %s", o.lang, strings.Join(notice.Languages(), " or "))
	}
	in, cfg, err := o.input()
	if err != nil {
		return err
	}
	if o.kafka != "" {
		cfg.Kafka.Brokers = strings.Split(o.kafka, ",")
	}
	if len(cfg.Kafka.Brokers) > 0 {
		if err := askSensors(ctx, &in, cfg, o.wait); err != nil {
			return err
		}
	}
	facts, past := notice.Gather(in), notice.Past{}
	if o.history != "" {
		if past, err = o.past(facts.Store); err != nil {
			return err
		}
		facts = notice.Widen(facts, past, o.now)
	}
	return o.print(facts, past, out)
}

// input is what is known of the store without asking anybody. The error says everything that is wrong at once.
func (o noticeOptions) input() (notice.Input, noticeConfig, error) {
	cfg, cerr := readNoticeConfig(o.config)
	list, err := stores.Load(o.stores)
	if err := errors.Join(err, cerr); err != nil {
		return notice.Input{}, cfg, err
	}
	if o.store == "" && len(list) == 1 {
		o.store = list[0].ID
	}
	store, err := findStore(list, o.store, o.stores)
	if err != nil {
		return notice.Input{}, cfg, err
	}
	in := notice.Input{Store: *store, LegalBasis: store.LegalBasis, Org: cfg.Org, Registrations: -1, Now: o.now, Embedded: o.embedded}
	in.ChainSealAfter, in.ChainLongestDay = lifetime.Chain(list, o.now)
	return in, cfg, nil
}

// readNoticeConfig lets every key pass that is not the notice's: the service judges them.
func readNoticeConfig(path string) (noticeConfig, error) {
	var cfg noticeConfig
	raw, err := os.ReadFile(path)
	if err != nil {
		return cfg, fmt.Errorf("read the configuration: %w: name it with --config", err)
	}
	if err := yaml.Unmarshal(raw, &cfg); err != nil {
		return cfg, fmt.Errorf("%s: %w", path, err)
	}
	if errs := cfg.Check(); len(errs) > 0 {
		return cfg, fmt.Errorf("%s: %w", path, errors.Join(errs...))
	}
	return cfg, nil
}

func (o noticeOptions) print(f notice.Facts, past notice.Past, out io.Writer) error {
	if o.json {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(f)
	}
	document, err := f.Document(o.lang)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, document.Text(noticeWidth)); err != nil || o.history == "" {
		return err
	}
	return o.printHistory(past, out)
}
