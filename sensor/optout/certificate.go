package optout

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is the service's certificate, as its files last had it: it is renewed every few weeks, and nobody starts the service
// anew for that.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	loaded [2]stamp // of the files that pair was read from
	broken bool     // the log has said that they cannot be read any more
}

// stamp tells whether a file is the one that was read.
type stamp struct {
	changed time.Time
	size    int64
}

func newCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	at, err := c.stamps()
	if err != nil {
		return nil, err
	}
	return c, c.load(at)
}

// get is tls.Config.GetCertificate. New files that are broken or belong apart, as while one of them is being replaced, leave the
// old certificate in force; each connection tries again.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, err := c.stamps()
	if err == nil && at != c.loaded {
		err = c.load(at)
	}
	if err != nil && !c.broken {
		c.log.Error("the opt-out pages' certificate has changed and cannot be read, so the old one stays in force", "error", err)
	}
	c.broken = err != nil
	return c.pair, nil
}

func (c *certificate) stamps() (at [2]stamp, err error) {
	for i, file := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return at, unreadable(err)
		}
		at[i] = stamp{info.ModTime(), info.Size()}
	}
	return at, nil
}

func (c *certificate) load(at [2]stamp) error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return unreadable(err)
	}
	c.pair, c.loaded = &pair, at
	return nil
}

func unreadable(err error) error {
	var file *os.PathError
	if errors.As(err, &file) { // tls says the path, but not what it was to be
		return fmt.Errorf("read the opt-out pages' certificate: %w: name readable PEM files under tls", err)
	}
	return fmt.Errorf("read the opt-out pages' certificate: %w: give PEM files that belong together", err)
}
