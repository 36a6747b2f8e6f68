package store

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
)

// ClickHouse's error numbers that something is decided on.
const codeUnknownDatabase = 81

// backoff says how often a failing attempt is repeated, and after how long.
type backoff struct {
	attempts int
	first    time.Duration // doubled each time
	longest  time.Duration
	each     time.Duration // one attempt may take
}

// defaultBackoff gives up after some 20 seconds of refusals.
func defaultBackoff() backoff {
	return backoff{attempts: 8, first: 200 * time.Millisecond, longest: 5 * time.Second, each: 5 * time.Minute}
}

// do runs attempt until it succeeds, fails for good, was tried often enough, or
// the context ends. failed hears of every error that leads to another try.
func (b backoff) do(ctx context.Context, attempt func(context.Context) error, failed func(n int, err error)) error {
	pause := b.first
	for n := 1; ; n++ {
		bounded, cancel := context.WithTimeout(ctx, b.each)
		err := attempt(bounded)
		cancel()
		if err == nil || n == b.attempts || ctx.Err() != nil || !mayPass(err) {
			return err
		}
		failed(n, err)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(err, context.Cause(ctx))
		case <-timer.C:
		}
		pause = min(2*pause, b.longest)
	}
}

// mayPass tells whether the same insert can succeed later: the way to the
// server failed, or the server is overloaded or not quite up.
func mayPass(err error) bool {
	switch code(err) {
	case 0:
	case 159, // TIMEOUT_EXCEEDED
		202,           // TOO_MANY_SIMULTANEOUS_QUERIES
		209, 210, 279, // SOCKET_TIMEOUT, NETWORK_ERROR, ALL_CONNECTION_TRIES_FAILED
		236, 394, // ABORTED, QUERY_WAS_CANCELLED
		241, 252, // MEMORY_LIMIT_EXCEEDED, TOO_MANY_PARTS
		242, 319, // TABLE_IS_READ_ONLY, UNKNOWN_STATUS_OF_INSERT
		285, 999: // TOO_FEW_LIVE_REPLICAS, KEEPER_EXCEPTION
		return true
	default:
		return false
	}
	var network net.Error
	var http *clickhouse.HTTPError
	return errors.As(err, &network) || errors.As(err, &http) && http.StatusCode >= 500 ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, clickhouse.ErrAcquireConnTimeout) || errors.Is(err, context.DeadlineExceeded)
}

// code is the number of ClickHouse's error in err, 0 where there is none.
func code(err error) int32 {
	var exception *clickhouse.Exception
	if errors.As(err, &exception) {
		return exception.Code
	}
	return 0
}
