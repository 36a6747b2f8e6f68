package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
)

// flaky is a way to the front on which inserts go wrong, as in a network.
type flaky struct {
	proxy   *httputil.ReverseProxy
	inserts atomic.Int64
	wrong   func(n int64, w http.ResponseWriter, r *http.Request, proxy http.Handler) bool
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Query().Get("query"), "INSERT") && f.wrong(f.inserts.Add(1), w, r, f.proxy) {
		return
	}
	f.proxy.ServeHTTP(w, r)
}

// overFlaky opens a second DB that reaches the engine of the first over f.
func overFlaky(t *testing.T, db *DB, f *flaky) *DB {
	t.Helper()
	address, password, _ := db.Front()
	f.proxy = httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	through := openEmpty(t, strings.Replace(server.URL, "http://", "http://me:"+password+"@", 1)+"/footfall")
	through.backoff.first = time.Millisecond
	return through
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter) {
	panic(http.ErrAbortHandler)
}

func TestInsertIsRepeated(t *testing.T) {
	rows := []SealedDayRow{{Store: "a", StoreDay: monday, Version: 1}, {Store: "b", StoreDay: monday, Version: 1}}
	tests := []struct {
		name     string
		wrong    func(n int64, w http.ResponseWriter, r *http.Request, proxy http.Handler) bool
		attempts int64
		code     int32 // of the error, 0 for success
		stored   uint64
	}{
		{"all goes well", func(int64, http.ResponseWriter, *http.Request, http.Handler) bool { return false }, 1, 0, 2},
		{"the connection breaks twice", func(n int64, w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			if n <= 2 {
				hangUp(w)
			}
			return false
		}, 3, 0, 2},
		{"the answer is lost", func(n int64, w http.ResponseWriter, r *http.Request, proxy http.Handler) bool {
			if n == 1 {
				proxy.ServeHTTP(httptest.NewRecorder(), r)
				hangUp(w)
			}
			return false
		}, 2, 0, 2},
		{"the server is overloaded once", func(n int64, w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			return n == 1 && refuse(w, 500, "Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)")
		}, 2, 0, 2},
		{"a proxy has lost the server", func(n int64, w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			return n == 1 && refuse(w, 502, "bad gateway")
		}, 2, 0, 2},
		{"it stays overloaded", func(_ int64, w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			return refuse(w, 500, "Code: 202. DB::Exception: Too many simultaneous queries. (TOO_MANY_SIMULTANEOUS_QUERIES)")
		}, 8, 202, 0},
		{"the server refuses", func(_ int64, w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			return refuse(w, 403, "Code: 497. DB::Exception: Not enough privileges. (ACCESS_DENIED)")
		}, 1, 497, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db := open(t, "")
			f := &flaky{wrong: test.wrong}
			err := Insert(t.Context(), overFlaky(t, db, f), TableSealedDays, rows)
			if code(err) != test.code || (err == nil) != (test.code == 0) {
				t.Errorf("got %v, want code %d", err, test.code)
			}
			if got := f.inserts.Load(); got != test.attempts {
				t.Errorf("got %d attempts, want %d", got, test.attempts)
			}
			if got := value[uint64](t, db, "SELECT count() FROM sealed_days FINAL"); got != test.stored {
				t.Errorf("got %d rows, want %d", got, test.stored)
			}
		})
	}
}

func refuse(w http.ResponseWriter, status int, text string) bool {
	w.WriteHeader(status)
	_, err := io.WriteString(w, text)
	return err == nil
}

func TestInsertRefuses(t *testing.T) {
	db := open(t, "")
	if err := Insert(t.Context(), db, "nothing", []SealedDayRow{{}}); code(err) != 60 {
		t.Errorf("an unknown table: got %v, want code 60", err)
	}
	if err := Insert(t.Context(), db, TableStores, []SealedDayRow{{}}); err == nil {
		t.Error("rows of another table: got no error")
	}
	if err := Insert(t.Context(), db, TableStores, []int{1}); err == nil {
		t.Error("rows that are no structs: got no error")
	}
	if err := Insert(t.Context(), db, TableStores, []struct{ A int }{{1}}); err == nil {
		t.Error("rows without tags: got no error")
	}
	if err := Insert[StoreRow](t.Context(), db, TableStores, nil); err != nil {
		t.Errorf("no rows: got %v", err)
	}
}

func TestBackoff(t *testing.T) {
	passing := &clickhouse.Exception{Code: 252}
	tests := []struct {
		name  string
		fails int
		err   error
		limit time.Duration // of the context
		tries int
		took  time.Duration
		ok    bool
	}{
		{"at once", 0, nil, time.Hour, 1, 0, true},
		{"at the third try", 2, passing, time.Hour, 3, 600 * time.Millisecond, true},
		{"never", 99, passing, time.Hour, 8, 16200 * time.Millisecond, false},
		{"for good", 99, errors.New("nonsense"), time.Hour, 1, 0, false},
		{"the context ends", 99, passing, time.Second, 3, time.Second, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), test.limit)
				defer cancel()
				begin, tries, heard := time.Now(), 0, 0
				err := defaultBackoff().do(ctx, func(context.Context) error {
					if tries++; tries <= test.fails {
						return test.err
					}
					return nil
				}, func(int, error) { heard++ })
				if took := time.Since(begin); tries != test.tries || took != test.took || (err == nil) != test.ok {
					t.Errorf("got %d tries in %v, %v, want %d in %v", tries, took, err, test.tries, test.took)
				}
				if err != nil && !errors.Is(err, test.err) {
					t.Errorf("got %v, want the last attempt's error", err)
				}
				if heard > tries {
					t.Errorf("heard of %d failures in %d tries", heard, tries)
				}
			})
		})
	}
}

func TestMayPass(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"nothing listens", fmt.Errorf("dial: %w", syscall.ECONNREFUSED), true},
		{"the connection ended", fmt.Errorf("read: %w", io.ErrUnexpectedEOF), true},
		{"no answer in time", context.DeadlineExceeded, true},
		{"no keeper", &clickhouse.Exception{Code: 999}, true},
		{"a gateway", &clickhouse.HTTPError{StatusCode: 503, Err: errors.New("busy")}, true},
		{"not found", &clickhouse.HTTPError{StatusCode: 404, Err: errors.New("nothing here")}, false},
		{"a server's own error", &clickhouse.HTTPError{StatusCode: 500, Err: &clickhouse.Exception{Code: 60}}, false},
		{"cancelled", context.Canceled, false},
		{"a row that does not fit", clickhouse.ErrBatchInvalid, false},
	}
	for _, test := range tests {
		if got := mayPass(test.err); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestInsertManyRows(t *testing.T) {
	db := open(t, "")
	const n = 100_000
	rows := make([]DeviceDayRow, n+1)
	for i := range rows {
		rows[i] = device("a", monday, uint64(i)*0x9E3779B97F4A7C15, 1)
	}
	begin := time.Now()
	if err := Insert(t.Context(), db, TableDeviceDays, rows); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d device-days with a visit each: %v", len(rows), time.Since(begin).Round(time.Millisecond))
	if got := value[uint64](t, db, "SELECT uniqExact(id) FROM device_days"); got != n+1 {
		t.Errorf("got %d ids, want %d", got, n+1)
	}
	begin = time.Now()
	got, err := Select[DeviceDayRow](t.Context(), db, "SELECT * FROM device_days FINAL ORDER BY id")
	if err != nil || len(got) != n+1 {
		t.Fatalf("got %d rows, %v", len(got), err)
	}
	t.Logf("read back: %v", time.Since(begin).Round(time.Millisecond))
	if !reflect.DeepEqual(got[0], rows[0]) {
		t.Errorf("got %+v, want %+v", got[0], rows[0])
	}
}

func BenchmarkInsertCells(b *testing.B) {
	db := open(b, "")
	rows := make([]CellRow, 100_000)
	for i := range rows {
		rows[i] = CellRow{Store: fmt.Sprint("store ", i%1000), StoreDay: monday, Start: monday.Add(time.Duration(i/1000) * 15 * time.Minute), StoreWeek: monday, DwellS: []uint32{300, 600}}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := Insert(b.Context(), db, TableCells, rows); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(rows)*b.N)/b.Elapsed().Seconds(), "rows/s")
}
