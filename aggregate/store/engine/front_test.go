package engine

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
)

// front serves an engine's front for one test and returns its address.
func front(t testing.TB, o FrontOptions) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(NewFront(start(t, ""), o))
	t.Cleanup(server.Close)
	return server
}

// ask sends one request and returns its status, headers and body.
func ask(t testing.TB, method, address, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(b)
}

func TestFrontAnswers(t *testing.T) {
	server := front(t, FrontOptions{})
	query := func(q string, more ...string) string {
		return "/?" + strings.Join(append(more, "query="+url.QueryEscape(q)), "&")
	}
	tests := []struct {
		name, method, path, body string
		status                   int
		want                     string
		kind                     string // content type
	}{
		{"ping", "GET", "/ping", "", 200, "Ok.\n", ""},
		{"nothing asked", "GET", "/", "", 200, "Ok.\n", ""},
		{"a query in the body", "POST", "/", "SELECT 1", 200, "1\n", "text/tab-separated-values; charset=UTF-8"},
		{"a query in the parameter", "POST", query("SELECT 2"), "", 200, "2\n", "text/tab-separated-values; charset=UTF-8"},
		{"by GET", "GET", query("SELECT 3"), "", 200, "3\n", ""},
		{"by GET nothing changes", "GET", query("CREATE DATABASE x"), "", 500, "Code: 164.", "text/plain; charset=UTF-8"},
		{"half and half", "POST", query("SELECT 4,"), "5", 200, "4\t5\n", ""},
		{"a table", "POST", "/", "CREATE TABLE t (n Int32, s String) ENGINE = MergeTree ORDER BY n", 200, "", ""},
		{"an insert", "POST", query("INSERT INTO t FORMAT CSV"), "1,\"a\"\n2,\"b\"\n", 200, "", ""},
		{"an insert in the body, with empty lines", "POST", "/", "INSERT INTO t FORMAT CSV\n3,\"c\n\n\"\n", 200, "", ""},
		{"and out again", "POST", "/?query=ALTER+TABLE+t+DELETE+WHERE+n=3+SETTINGS+mutations_sync=2", "", 200, "", ""},
		{"JSON for Grafana", "POST", "/?default_format=JSONCompactEachRow&database=default", "SELECT * FROM t ORDER BY n", 200, "[1, \"a\"]\n[2, \"b\"]\n", "application/json; charset=UTF-8"},
		{"the query's own format", "POST", "/?default_format=Native&client_protocol_version=54460", "SELECT 7 AS n FORMAT CSVWithNames;\n", 200, "\"n\"\n7\n", "text/csv; charset=UTF-8"},
		{"format and settings", "POST", "/", "SELECT 7 AS n FORMAT JSONEachRow SETTINGS max_threads = 1", 200, "{\"n\":7}\n", "application/json; charset=UTF-8"},
		{"a parameter", "POST", "/?param_x=6", "SELECT {x:UInt8}", 200, "6\n", ""},
		{"a setting", "POST", "/?max_block_size=12", "SELECT getSetting('max_block_size')", 200, "12\n", ""},
		{"what is no setting", "POST", "/?wait_end_of_query=1&session_id=a&stacktrace=0", "SELECT 8", 200, "8\n", ""},
		{"a syntax error", "POST", "/", "SELECT FROM WHERE", 400, "Code: 62.", "text/plain; charset=UTF-8"},
		{"an unknown table", "POST", "/", "SELECT * FROM u", 404, "Code: 60.", ""},
		{"an unknown database", "POST", "/?database=u", "SELECT 1", 404, "Code: 81.", ""},
		{"a bad revision", "POST", "/?default_format=Native&client_protocol_version=x", "SELECT 1", 400, "Code: 36.", ""},
		{"another method", "DELETE", query("SELECT 1"), "", 400, "Code: 36.", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, header, got := ask(t, test.method, server.URL+test.path, test.body)
			if status != test.status || !strings.HasPrefix(got, test.want) || test.status == 200 && got != test.want {
				t.Errorf("got %d %q, want %d %q", status, got, test.status, test.want)
			}
			if test.kind != "" && header.Get("Content-Type") != test.kind {
				t.Errorf("content type: got %q, want %q", header.Get("Content-Type"), test.kind)
			}
			if code, ok := strings.CutPrefix(test.want, "Code: "); ok && header.Get("X-ClickHouse-Exception-Code")+"." != code {
				t.Errorf("exception code: got %q, want %q", header.Get("X-ClickHouse-Exception-Code"), code)
			}
		})
	}
}

func TestSetStatement(t *testing.T) {
	tests := []struct{ name, param, body, sql, data, format string }{
		{"a query", "", "SELECT 1", "SELECT 1", "-", "Default"},
		{"a query in the parameter", "SELECT 1", "", "SELECT 1", "-", "Default"},
		{"in both", "SELECT 1,", "2", "SELECT 1,\n2", "-", "Default"},
		{"an insert", "INSERT INTO t FORMAT Native", "\x00\n\n", "INSERT INTO t", "\x00\n\n", "Native"},
		{"with everything", "insert into `d`.\"t\" (a, `b`)\nSETTINGS x = 1, y = 'z' format CSV ", "1", "insert into `d`.\"t\" (a, `b`)\nSETTINGS x = 1, y = 'z'", "1", "CSV"},
		{"in the body", "", "INSERT INTO t(a) FORMAT CSV\n1\n", "INSERT INTO t(a)", "1\n", "CSV"},
		{"begun in the parameter", "INSERT INTO t FORMAT CSV\n1\n", "2\n", "INSERT INTO t", "1\n2\n", "CSV"},
		{"of nothing", "INSERT INTO t FORMAT Native", "", "INSERT INTO t", "", "Native"},
		{"of values", "", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)", "-", "Default"},
		{"of values by format", "", "INSERT INTO t FORMAT Values\n(1)", "INSERT INTO t FORMAT Values\n(1)", "-", "Default"},
		{"of a select", "", "INSERT INTO t SELECT format FROM u", "INSERT INTO t SELECT format FROM u", "-", "Default"},
		{"with a column called format", "", "INSERT INTO t (format) SELECT format FROM u", "INSERT INTO t (format) SELECT format FROM u", "-", "Default"},
		{"nothing", "", "", "", "-", "Default"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q := Query{Format: "Default"}
			q.setStatement(test.param, []byte(test.body))
			data := string(q.Data)
			if q.Data == nil {
				data = "-"
			}
			if string(q.SQL) != test.sql || data != test.data || q.Format != test.format {
				t.Errorf("got %q, %q, %q, want %q, %q, %q", q.SQL, data, q.Format, test.sql, test.data, test.format)
			}
		})
	}
}

func TestFrontPassword(t *testing.T) {
	server := front(t, FrontOptions{Password: "open sesame"})
	key := url.QueryEscape("open sesame")
	tests := []struct {
		name, path string
		headers    []string
		status     int
	}{
		{"none", "/?query=SELECT+1", nil, 401},
		{"a wrong one", "/?query=SELECT+1&password=open", nil, 401},
		{"in the parameter", "/?query=SELECT+1&password=" + key, nil, 200},
		{"in ClickHouse's header", "/?query=SELECT+1", []string{"X-ClickHouse-Key", "open sesame"}, 200},
		{"as basic authentication", "/?query=SELECT+1", []string{"Authorization", "Basic Om9wZW4gc2VzYW1l"}, 200},
		{"ping needs none", "/ping", nil, 200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, _, body := ask(t, "GET", server.URL+test.path, "", test.headers...)
			if status != test.status {
				t.Errorf("got %d %q, want %d", status, body, test.status)
			}
			if strings.Contains(body, "sesame") {
				t.Error("the password is in the answer")
			}
		})
	}
}

// gzipped, and native, pack a text the two ways a client may.
func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func native(t testing.TB, text string) string {
	t.Helper()
	w := compress.NewWriter(compress.LevelZero, compress.LZ4)
	if err := w.Compress([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return string(w.Data)
}

func TestFrontBodies(t *testing.T) {
	server := front(t, FrontOptions{MaxBody: 1000})
	long := "SELECT '" + strings.Repeat("x", 2000) + "'"
	lz4 := native(t, "SELECT 2")
	tests := []struct {
		name, path, body string
		headers          []string
		status           int
		want             string
	}{
		{"gzip", "/", gzipped(t, "SELECT 1"), []string{"Content-Encoding", "gzip"}, 200, "1\n"},
		{"lz4", "/?decompress=1", lz4, nil, 200, "2\n"},
		{"lz4, two blocks", "/?decompress=1", lz4 + native(t, "3"), nil, 200, "23\n"},
		{"lz4 in gzip", "/?decompress=1", gzipped(t, lz4), []string{"Content-Encoding", "gzip"}, 200, "2\n"},
		{"too long", "/", long, nil, 413, "Code: 307."},
		{"too long once unpacked", "/", gzipped(t, long), []string{"Content-Encoding", "gzip"}, 413, "Code: 307."},
		{"no gzip at all", "/", "SELECT 1", []string{"Content-Encoding", "gzip"}, 400, "Code: 36."},
		{"no lz4 at all", "/?decompress=1", strings.Repeat("SELECT 1", 10), nil, 400, "Code: 36."},
		{"lz4 cut short", "/?decompress=1", lz4[:len(lz4)-1], nil, 400, "Code: 36."},
		{"an unknown encoding", "/", "x", []string{"Content-Encoding", "snappy"}, 501, "Code: 48."},
		{"external tables", "/", "--x--", []string{"Content-Type", "multipart/form-data; boundary=x"}, 501, "Code: 48."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, _, got := ask(t, "POST", server.URL+test.path, test.body, test.headers...)
			if status != test.status || !strings.HasPrefix(got, test.want) {
				t.Errorf("got %d %q, want %d %q", status, got, test.status, test.want)
			}
		})
	}
}

func TestFrontPacksAnswers(t *testing.T) {
	server := front(t, FrontOptions{})
	const question = "SELECT number FROM numbers(300000)"
	_, _, want := ask(t, "POST", server.URL, question)
	unpack := func(r io.Reader) string {
		t.Helper()
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, method := range []string{"LZ4", "ZSTD", "NONE", ""} {
		_, _, packed := ask(t, "POST", server.URL+"/?compress=1&network_compression_method="+method, question)
		if got := unpack(&nativeReader{compress.NewReader(strings.NewReader(packed))}); got != want {
			t.Errorf("method %q: %d bytes, want %d", method, len(got), len(want))
		}
	}
	_, header, packed := ask(t, "POST", server.URL+"/?enable_http_compression=1", question, "Accept-Encoding", "br, gzip")
	if header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("got encoding %q, want gzip", header.Get("Content-Encoding"))
	}
	z, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if got := unpack(z); got != want {
		t.Errorf("gzip: %d bytes, want %d", len(got), len(want))
	}
}

func TestServeEndsWithTheContext(t *testing.T) {
	f := NewFront(start(t, ""), FrontOptions{})
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Serve(ctx, listener) }()
	if _, _, got := ask(t, "POST", fmt.Sprintf("http://%s/", listener.Addr()), "SELECT 1"); got != "1\n" {
		t.Errorf("got %q, want 1", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("got %v, want no error", err)
	}
	if err := f.Serve(t.Context(), listener); err == nil {
		t.Error("serving a closed listener: got no error")
	}
}

// FuzzBody feeds a front what a client could send as a packed body: it is read
// or refused, and never longer than the bound.
func FuzzBody(f *testing.F) {
	f.Add([]byte("SELECT 1"), "", false)
	f.Add([]byte("\x1f\x8b\x08\x00\x00"), "gzip", false)
	f.Add([]byte("\x78\x9c\x01\x00"), "deflate", true)
	f.Add([]byte(native(f, "SELECT 2")), "", true)
	f.Add([]byte(gzipped(f, native(f, "SELECT 3"))), "gzip", true)
	f.Fuzz(func(t *testing.T, body []byte, encoding string, decompress bool) {
		const bound = 1 << 12
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set("Content-Encoding", encoding)
		params := url.Values{}
		if decompress {
			params.Set("decompress", "1")
		}
		got, err := NewFront(nil, FrontOptions{MaxBody: bound}).readBody(httptest.NewRecorder(), r, params)
		if err == nil && len(got) > bound {
			t.Errorf("got %d bytes, want at most %d", len(got), bound)
		}
		var refusal *Error
		if err != nil && !errors.As(err, &refusal) {
			t.Errorf("got %v, want a refusal", err)
		}
	})
}
