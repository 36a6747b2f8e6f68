// Package embedded is the Kafka broker of an installation on one box: franz-go's kfake on loopback, its topics in a folder.
// A folder and an address come in, a listening broker goes out. It speaks the real protocol, so that the same clients work
// with Apache Kafka by configuration only. It is for one box and for tests: one node, no replication, and its compaction is
// not crash-safe, so no topic on it is ever compacted (DESIGN section 9).
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Options say where the broker listens and where it keeps its topics.
type Options struct {
	// DataDir is the folder of the topics; it is made, readable by its owner only. Empty: memory, gone with the process.
	DataDir string
	// Addr is the loopback address to listen on, such as 127.0.0.1:9092. Empty: a free port of 127.0.0.1.
	Addr string
	// RetentionCheck is how often expired segments are freed; one hour where it is zero. It is part of the longest life of
	// an id that the notice prints.
	RetentionCheck time.Duration
	// Logger receives the broker's warnings; nil discards them.
	Logger *slog.Logger
}

// DefaultRetentionCheck is how often expired segments are freed where Options do not say.
const DefaultRetentionCheck = time.Hour

// minSession is the shortest session a consumer group may ask for: an aggregator that was killed is missed after that long.
const minSession = time.Second

// Broker is a running embedded broker. Close ends it.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
	lock    *os.File
	closing sync.Once
}

// Start opens the folder and listens. An error names what to do: the address may be taken, the folder in use by another
// process, or not writable.
func Start(o Options) (*Broker, error) {
	if o.RetentionCheck <= 0 {
		o.RetentionCheck = DefaultRetentionCheck
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if err := checkLoopback(o.Addr); err != nil {
		return nil, err
	}
	b := new(Broker)
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("footfall-embedded"),
		kfake.GroupMinSessionTimeout(minSession),
		kfake.BrokerConfigs(map[string]string{
			"log.cleaner.backoff.ms": fmt.Sprint(o.RetentionCheck.Milliseconds()),
		}),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			return new(net.ListenConfig).Listen(context.Background(), network, o.Addr)
		}),
	}
	if o.Logger != nil {
		opts = append(opts, kfake.WithLogger(logger{o.Logger}))
	}
	if o.DataDir != "" {
		var err error
		if b.lock, err = lockFolder(o.DataDir); err != nil {
			return nil, err
		}
		// Acknowledged means on the disk: every batch is synced, because there is no replica to ask after a power cut.
		opts = append(opts, kfake.DataDir(filepath.Join(o.DataDir, "log")), kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		b.unlock()
		return nil, fmt.Errorf("start the embedded broker on %s: %w: choose a free address and a writable folder", o.Addr, err)
	}
	b.cluster, b.addr = cluster, cluster.ListenAddrs()[0]
	return b, nil
}

// Addr is the address the broker listens on, as host:port.
func (b *Broker) Addr() string { return b.addr }

// Close saves the broker's state and stops listening. Calling it again does nothing.
func (b *Broker) Close() {
	b.closing.Do(func() {
		b.cluster.Close()
		b.unlock()
	})
}

func (b *Broker) unlock() {
	if b.lock != nil {
		_ = b.lock.Close() // closing ends the lock; nothing was written to the file
	}
}

// checkLoopback keeps the broker, which asks nobody for a password, off the network.
func checkLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("embedded broker's address %q: %w: write it as 127.0.0.1:9092", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("embedded broker's address %q is not loopback: listen on 127.0.0.1, and run Apache Kafka for more than one machine", addr)
	}
	return nil
}

// lockFolder makes the folder and holds a lock on it for as long as the process lives: two brokers in one folder would
// destroy each other's topics.
func lockFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the embedded broker's folder: %w: choose a writable one", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the embedded broker's lock: %w: choose a writable folder", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("the embedded broker's folder %s is in use by another process: stop that one, or choose another folder", dir)
		}
		return nil, fmt.Errorf("lock the embedded broker's folder %s: %w: choose a folder on a local disk", dir, err)
	}
	return f, nil
}

// logger hands kfake's warnings to slog; below that it logs every request.
type logger struct{ log *slog.Logger }

// Logf implements kfake.Logger.
func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	if level == kfake.LogLevelError || level == kfake.LogLevelWarn {
		l.log.Warn("embedded broker", "message", fmt.Sprintf(format, args...))
	}
}
