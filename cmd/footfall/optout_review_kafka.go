package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/openfootfall/footfall/ingest/broker"
)

// kafkaFlags say how a command reaches Kafka: brokers alone, or a file that also says how to log in.
type kafkaFlags struct {
	set           *flagSet
	brokers, file string
}

func addKafkaFlags(f *flagSet) *kafkaFlags {
	k := &kafkaFlags{set: f}
	f.StringVar(&k.brokers, "kafka", "127.0.0.1:9092", "Kafka `brokers`, host:port, separated by commas; they go before the file's")
	f.StringVar(&k.file, "kafka-config", "", "YAML `file` whose key kafka has brokers, tls and sasl: the service's optout.yaml, or one of its own")
	return k
}

// kafkaFile is what is read of the file; a service's configuration has more, which is that service's to judge.
type kafkaFile struct {
	Kafka yaml.Node `yaml:"kafka"`
}

// kafkaBlock is the value of its key kafka.
type kafkaBlock struct {
	Brokers         []string `yaml:"brokers"`
	broker.Security `yaml:",inline"`
}

// config is how to reach Kafka as the client of the name.
func (k *kafkaFlags) config(client string) (broker.Config, error) {
	c := broker.Config{ClientID: client, Brokers: strings.Split(k.brokers, ",")}
	if k.file != "" {
		block, err := readKafkaBlock(k.file)
		if err != nil {
			return broker.Config{}, err
		}
		named := false
		k.set.Visit(func(one *flag.Flag) { named = named || one.Name == "kafka" })
		if !named && len(block.Brokers) > 0 {
			c.Brokers = block.Brokers
		}
		if err := block.Apply(&c); err != nil {
			return broker.Config{}, fmt.Errorf("%s: %w", k.file, err)
		}
	}
	return c, c.Validate()
}

// readKafkaBlock reads the block strictly: a misspelt key would leave the login out.
func readKafkaBlock(path string) (block kafkaBlock, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return block, fmt.Errorf("read how to reach Kafka: %w: name the file with --kafka-config", err)
	}
	var file kafkaFile
	if err = yaml.Unmarshal(raw, &file); err == nil && file.Kafka.IsZero() {
		err = errors.New("it has no key kafka: give it one, with brokers, tls and sasl under it")
	}
	if err == nil {
		raw, err = yaml.Marshal(&file.Kafka)
	}
	if err == nil {
		dec := yaml.NewDecoder(bytes.NewReader(raw))
		dec.KnownFields(true)
		if err = dec.Decode(&block); errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		return kafkaBlock{}, fmt.Errorf("%s: %w", path, err)
	}
	return block, nil
}
