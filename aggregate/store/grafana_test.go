package store

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
)

// published fills what the two tests below read.
func published(t *testing.T) *DB {
	t.Helper()
	db := open(t, "")
	visits := int32(35)
	rows := []PubStoreHourRow{
		{Store: "a", Start: monday.Add(9 * time.Hour), StoreDay: monday, StoreWeek: monday, Visits: &visits, VisitsState: "value", EstimatedState: "no_data"},
		{Store: "a", Start: monday.Add(10 * time.Hour), StoreDay: monday, StoreWeek: monday, VisitsState: "under_10", EstimatedState: "no_data"},
	}
	if err := Insert(t.Context(), db, TablePubStoreHour, rows); err != nil {
		t.Fatal(err)
	}
	return db
}

const panel = `SELECT start AS time, visits, visits_state FROM pub_store_hour FINAL
	WHERE start >= toDateTime(1774224000) AND start <= toDateTime(1774310400) AND store IN ('a') ORDER BY time`

// Grafana's data source is clickhouse-go behind database/sql, with settings.
func TestGrafanaReadsOverDatabaseSQL(t *testing.T) {
	db := published(t)
	address, password, _ := db.Front()
	source := clickhouse.OpenDB(&clickhouse.Options{
		Protocol:    clickhouse.HTTP,
		Addr:        []string{address},
		Auth:        clickhouse.Auth{Database: db.Database(), Username: "grafana", Password: password},
		Compression: &clickhouse.Compression{Method: clickhouse.CompressionLZ4},
		Settings:    clickhouse.Settings{"max_execution_time": 60},
		ClientInfo:  clickhouse.ClientInfo{Products: []struct{ Name, Version string }{{"grafana", "12"}}},
	})
	defer source.Close()
	if err := source.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := source.QueryContext(t.Context(), panel)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"DateTime", "Nullable(Int32)", "LowCardinality(String)"} {
		if got := types[i].DatabaseTypeName(); got != want {
			t.Errorf("column %d: got type %s, want %s", i, got, want)
		}
	}
	var states []string
	for rows.Next() {
		var at time.Time
		var visits *int32
		var state string
		if err := rows.Scan(&at, &visits, &state); err != nil {
			t.Fatal(err)
		}
		if (visits != nil) != (state == "value") {
			t.Errorf("%v: got %v with state %s", at, visits, state)
		}
		states = append(states, state)
	}
	if err := rows.Err(); err != nil || len(states) != 2 {
		t.Errorf("got %v, %v, want two rows", states, err)
	}
}

func TestJSONOverPlainHTTP(t *testing.T) {
	db := published(t)
	address, password, _ := db.Front()
	query := url.Values{"query": {panel}, "database": {db.Database()}, "default_format": {"JSON"}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("anybody", password)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Rows int
		Data []struct {
			Visits *int32
			State  string `json:"visits_state"`
		}
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if got.Rows != 2 || *got.Data[0].Visits != 35 || got.Data[1].Visits != nil || got.Data[1].State != "under_10" {
		t.Errorf("got %s", text)
	}
}
