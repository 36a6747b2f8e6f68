package engine

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// dial connects clickhouse-go to a front of its own, with options from a DSN's
// query such as compress=lz4.
func dial(t testing.TB, query string) driver.Conn {
	t.Helper()
	server := front(t, FrontOptions{Password: "pass"})
	options, err := clickhouse.ParseDSN(strings.Replace(server.URL, "http://", "http://any:pass@", 1) + "/default?" + query)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

type stay struct {
	Zone  string    `ch:"zone"`
	First time.Time `ch:"first"`
	Count uint32    `ch:"count"`
}

type visit struct {
	First time.Time `ch:"first"`
	Zones []stay    `ch:"zones"`
}

// every holds one column of every type the schema uses, and a few more.
type every struct {
	U8   uint8             `ch:"u8"`
	U16  uint16            `ch:"u16"`
	U32  uint32            `ch:"u32"`
	U64  uint64            `ch:"u64"`
	I32  int32             `ch:"i32"`
	I64  int64             `ch:"i64"`
	F    float64           `ch:"f"`
	B    bool              `ch:"b"`
	S    string            `ch:"s"`
	LC   string            `ch:"lc"`
	D    time.Time         `ch:"d"`
	T    time.Time         `ch:"t"`
	MS   time.Time         `ch:"ms"`
	NI   *int32            `ch:"ni"`
	NF   *float64          `ch:"nf"`
	NLC  *string           `ch:"nlc"`
	AS   []string          `ch:"as"`
	ALC  []string          `ch:"alc"`
	AU   []uint32          `ch:"au"`
	AF   []float64         `ch:"af"`
	AT   []visit           `ch:"at"`
	M    map[string]uint64 `ch:"m"`
	Enum string            `ch:"enum"`
}

const everyTable = `CREATE TABLE every (u8 UInt8, u16 UInt16, u32 UInt32, u64 UInt64, i32 Int32, i64 Int64,
	f Float64, b Bool, s String, lc LowCardinality(String), d Date, t DateTime('UTC'), ms DateTime64(3, 'UTC'),
	ni Nullable(Int32), nf Nullable(Float64), nlc LowCardinality(Nullable(String)),
	as Array(String), alc Array(LowCardinality(String)), au Array(UInt32), af Array(Float64),
	at Array(Tuple(first DateTime64(3, 'UTC'), zones Array(Tuple(zone String, first DateTime64(3, 'UTC'), count UInt32)))),
	m Map(LowCardinality(String), UInt64), enum Enum8('value' = 1, 'quiet' = 2))
	ENGINE = MergeTree ORDER BY u64`

func everyRows() []every {
	day := time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)
	text, number, share := "two\x00words", int32(-5), math.Pi
	full := every{
		U8: 255, U16: 65535, U32: math.MaxUint32, U64: math.MaxUint64, I32: math.MinInt32, I64: math.MinInt64,
		F: 0.1, B: true, S: "a\x00b\n\n'\\ é", LC: "entrance", D: day, T: day.Add(2*time.Hour + time.Second),
		MS: day.Add(time.Hour + 789*time.Millisecond), NI: &number, NF: &share, NLC: &text,
		AS: []string{"", "x"}, ALC: []string{"a", "b", "a"}, AU: []uint32{3, 2, 1}, AF: []float64{math.SmallestNonzeroFloat64, -1},
		AT: []visit{
			{First: day, Zones: []stay{{"till", day.Add(time.Millisecond), 4}, {"entrance", day, 1}}},
			{First: day.Add(time.Hour), Zones: []stay{}},
		},
		M: map[string]uint64{"bad_fcs": 7, "too_weak": math.MaxUint64}, Enum: "quiet",
	}
	empty := every{
		D: time.Unix(0, 0).UTC(), T: time.Unix(0, 0).UTC(), MS: time.Unix(0, 0).UTC(),
		AS: []string{}, ALC: []string{}, AU: []uint32{}, AF: []float64{}, AT: []visit{}, M: map[string]uint64{}, Enum: "value",
	}
	return []every{empty, full}
}

func send(t testing.TB, conn driver.Conn, rows []every) {
	t.Helper()
	batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO every")
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := batch.AppendStruct(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
}

func TestClientRoundTrip(t *testing.T) {
	for _, options := range []string{"", "compress=lz4", "compress=zstd", "compress=gzip&enable_http_compression=1", "compress=deflate"} {
		t.Run("options "+options, func(t *testing.T) {
			conn := dial(t, options)
			if err := conn.Exec(t.Context(), everyTable); err != nil {
				t.Fatal(err)
			}
			want := everyRows()
			send(t, conn, want)
			var got []every
			ctx := clickhouse.Context(t.Context(), clickhouse.WithUserLocation(time.UTC))
			if err := conn.Select(ctx, &got, "SELECT * FROM every ORDER BY u64"); err != nil {
				t.Fatal(err)
			}
			if len(got) != len(want) {
				t.Fatalf("got %d rows, want %d", len(got), len(want))
			}
			for i := range want {
				compareFields(t, got[i], want[i])
			}
		})
	}
}

func compareFields(t *testing.T, got, want every) {
	t.Helper()
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range g.NumField() {
		if !reflect.DeepEqual(g.Field(i).Interface(), w.Field(i).Interface()) {
			t.Errorf("%s: got %v, want %v", g.Type().Field(i).Name, g.Field(i).Interface(), w.Field(i).Interface())
		}
	}
}

func TestClientEmptyResults(t *testing.T) {
	conn := dial(t, "")
	if err := conn.Exec(t.Context(), everyTable); err != nil {
		t.Fatal(err)
	}
	var got []every
	if err := conn.Select(t.Context(), &got, "SELECT * FROM every"); err != nil || len(got) != 0 {
		t.Errorf("an empty table: got %d rows, %v", len(got), err)
	}
	var n uint64
	if err := conn.QueryRow(t.Context(), "SELECT count() FROM every WHERE s = ?", "it's").Scan(&n); err != nil || n != 0 {
		t.Errorf("a count: got %d, %v", n, err)
	}
	if err := conn.QueryRow(t.Context(), "SELECT {x:UInt64}", clickhouse.Named("x", "9")).Scan(&n); err != nil || n != 9 {
		t.Errorf("a named parameter: got %d, %v", n, err)
	}
	if err := conn.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	send(t, conn, nil)
}

func TestClientSeesErrors(t *testing.T) {
	for _, options := range []string{"", "compress=lz4", "compress=gzip"} {
		t.Run("options "+options, func(t *testing.T) {
			conn := dial(t, options)
			for query, code := range map[string]int32{
				"SELECT * FROM nothing":   codeUnknownTable,
				"SELECT nothing":          codeUnknownIdentifier,
				"CREATE TABLE u (n Uint)": 50,
			} {
				_, err := conn.Query(t.Context(), query)
				for _, err := range []error{err, conn.Exec(t.Context(), query)} {
					var exception *clickhouse.Exception
					if !errors.As(err, &exception) || exception.Code != code {
						t.Errorf("%s: got %v, want code %d", query, err, code)
					}
				}
			}
		})
	}
}

func TestClientManyBlocksAndWorkers(t *testing.T) {
	conn := dial(t, "compress=lz4&max_open_conns=8")
	if err := conn.Exec(t.Context(), everyTable); err != nil {
		t.Fatal(err)
	}
	const workers, each = 4, 5000
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			rows := make([]every, each)
			for i := range rows {
				rows[i] = everyRows()[i%2]
				rows[i].U64, rows[i].LC = uint64(w*each+i), fmt.Sprint("zone ", i%300)
			}
			send(t, conn, rows)
		})
	}
	group.Wait()
	var got []every
	if err := conn.Select(t.Context(), &got, "SELECT * FROM every ORDER BY u64 SETTINGS max_block_size = 999"); err != nil {
		t.Fatal(err)
	}
	if len(got) != workers*each {
		t.Fatalf("got %d rows, want %d", len(got), workers*each)
	}
	for i, row := range got {
		if row.U64 != uint64(i) || row.LC != fmt.Sprint("zone ", i%each%300) {
			t.Fatalf("row %d: got %d in %q", i, row.U64, row.LC)
		}
	}
}
