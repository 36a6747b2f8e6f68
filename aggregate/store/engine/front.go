package engine

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// DefaultMaxBody bounds a request's body, before and after decompression.
const DefaultMaxBody = 256 << 20

// FrontOptions are what a Front is made with.
type FrontOptions struct {
	// Password every request but /ping must show, in one of ClickHouse's ways;
	// empty: none. The user's name does not matter. The loopback interface is
	// open to every user of the machine, and there are ids in the tables.
	Password string
	MaxBody  int64 // bytes; 0: DefaultMaxBody
	Logger   *slog.Logger
}

// Front speaks ClickHouse's HTTP protocol for an Engine, as far as clickhouse-go
// and Grafana's data source use it: /ping, queries by POST (in the parameter,
// the body, or both) and by GET (read only), database, default_format, settings
// and param_ values as URL parameters, native and gzip compression, and results
// in Native at the revision the client asks for. It is an http.Handler.
type Front struct {
	engine   *Engine
	password string
	maxBody  int64
	log      *slog.Logger
}

// NewFront makes the front of an engine.
func NewFront(e *Engine, o FrontOptions) *Front {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Front{engine: e, password: o.Password, maxBody: cmp.Or(o.MaxBody, DefaultMaxBody), log: log}
}

// Serve answers on the listener until the context ends, then finishes what runs.
func (f *Front) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           f,
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    1 << 20,
		ErrorLog:          slog.NewLogLogger(f.log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		ended <- server.Shutdown(grace)
	})
	err := server.Serve(l)
	if stop() {
		return fmt.Errorf("serve the engine's front: %w", err)
	}
	if err := <-ended; err != nil {
		return fmt.Errorf("stop the engine's front: %w", errors.Join(err, server.Close()))
	}
	return nil
}

// ServeHTTP answers one request.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/ping" {
		f.write(w, []byte("Ok.\n"))
		return
	}
	out, err := f.answer(w, r)
	if err != nil {
		f.fail(w, err)
		return
	}
	f.write(w, out)
}

// answer does the work and sets the headers of a success.
func (f *Front) answer(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	params := r.URL.Query()
	if !f.allowed(r, params) {
		return nil, refuse(codeAuthentication, "the password is wrong or missing: use the one in the footfall configuration. (AUTHENTICATION_FAILED)")
	}
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		return nil, refuse(codeBadRequest, "use GET or POST. (BAD_ARGUMENTS)")
	}
	body, err := f.readBody(w, r, params)
	if err != nil {
		return nil, err
	}
	q := Query{
		Database: cmp.Or(params.Get("database"), r.Header.Get("X-ClickHouse-Database")),
		Format:   cmp.Or(params.Get("default_format"), r.Header.Get("X-ClickHouse-Format"), "TabSeparated"),
		ReadOnly: r.Method == http.MethodGet,
		Settings: settings(params),
		Params:   queryParams(params),
	}
	if q.setStatement(params.Get("query"), body); len(q.SQL) == 0 {
		return []byte("Ok.\n"), nil
	}
	out, err := f.engine.Run(r.Context(), q)
	if err != nil {
		return nil, err
	}
	return f.shape(w, r, params, q, out)
}

// shape turns the engine's output into what the client asked for.
func (f *Front) shape(w http.ResponseWriter, r *http.Request, params url.Values, q Query, out []byte) ([]byte, error) {
	format := outputFormat(q)
	w.Header().Set("X-ClickHouse-Format", format)
	w.Header().Set("Content-Type", contentType(format))
	if id := params.Get("query_id"); id != "" {
		w.Header().Set("X-ClickHouse-Query-Id", url.QueryEscape(id))
	}
	if format == "Native" {
		revision, err := strconv.ParseUint(cmp.Or(params.Get("client_protocol_version"), "0"), 10, 32)
		if err != nil {
			return nil, refuse(codeBadRequest, "client_protocol_version is no number. (BAD_ARGUMENTS)")
		}
		if out, err = reencode(out, revision); err != nil {
			return nil, refuse(codeNotSupported, err.Error()+"; ask for another FORMAT. (UNSUPPORTED)")
		}
	}
	return compressOutput(w, r, params, out)
}

// allowed compares the password in the time that tells nothing about it.
func (f *Front) allowed(r *http.Request, params url.Values) bool {
	if f.password == "" {
		return true
	}
	given := cmp.Or(r.Header.Get("X-ClickHouse-Key"), params.Get("password"))
	if _, basic, ok := r.BasicAuth(); ok {
		given = basic
	}
	return subtle.ConstantTimeCompare([]byte(given), []byte(f.password)) == 1
}

func (f *Front) fail(w http.ResponseWriter, err error) {
	var refusal *Error
	if !errors.As(err, &refusal) {
		refusal = refuse(codeOther, err.Error()+" (UNKNOWN_EXCEPTION)")
	}
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	if refusal.Code != 0 {
		w.Header().Set("X-ClickHouse-Exception-Code", strconv.Itoa(refusal.Code))
	}
	w.WriteHeader(refusal.status())
	f.write(w, []byte(refusal.Text+"\n"))
}

// write sends an answer. That the client has gone away concerns nobody else,
// so it is only told in the log.
func (f *Front) write(w http.ResponseWriter, b []byte) {
	if _, err := w.Write(b); err != nil {
		f.log.Debug("answer not delivered", "error", err)
	}
}

func contentType(format string) string {
	switch {
	case strings.HasPrefix(format, "JSON"):
		return "application/json; charset=UTF-8"
	case strings.HasPrefix(format, "CSV"):
		return "text/csv; charset=UTF-8"
	case strings.HasPrefix(format, "TabSeparated"), strings.HasPrefix(format, "TSV"):
		return "text/tab-separated-values; charset=UTF-8"
	case format == "Native", strings.HasPrefix(format, "RowBinary"), format == "Parquet", format == "Arrow":
		return "application/octet-stream"
	default:
		return "text/plain; charset=UTF-8"
	}
}

// settings picks the settings out of the URL's parameters.
func settings(params url.Values) map[string]string {
	found := map[string]string{}
	for name := range params {
		switch name {
		case "query", "database", "default_format", "user", "password", "quota_key", "query_id", "role",
			"compress", "decompress", "client_protocol_version", "network_compression_method",
			"network_zstd_compression_level", "enable_http_compression", "http_zlib_compression_level",
			"buffer_size", "wait_end_of_query", "session_id", "session_timeout", "session_check",
			"close_session", "stacktrace":
			continue
		}
		if !strings.HasPrefix(name, "param_") {
			found[name] = params.Get(name)
		}
	}
	return found
}

func queryParams(params url.Values) map[string]string {
	found := map[string]string{}
	for name := range params {
		if key, ok := strings.CutPrefix(name, "param_"); ok {
			found[key] = params.Get(name)
		}
	}
	return found
}
