package store_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store/storetest"
)

func TestRowsOfAnyShape(t *testing.T) {
	db := storetest.Open(t)
	got, err := db.Rows(t.Context(), `SELECT toInt32(-3) AS a, toUInt64(7) AS b, 0.5 AS c, 'x' AS d, true AS e, toDateTime('2026-03-02 01:02:03', 'UTC') AS f,
		CAST(NULL AS Nullable(Int32)) AS g, CAST(5 AS Nullable(Int32)) AS h, toLowCardinality('y') AS i WHERE ? = 1`, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := []any{int64(-3), int64(7), 0.5, "x", true, time.Date(2026, time.March, 2, 1, 2, 3, 0, time.UTC), nil, int64(5), "y"}
	if len(got.Cells) != 1 || !reflect.DeepEqual(got.Cells[0], want) {
		t.Errorf("got %v, want %v", got.Cells, want)
	}
	if strings.Join(got.Columns, "") != "abcdefghi" {
		t.Errorf("got the columns %v", got.Columns)
	}
	for name, query := range map[string]string{"a type that is not read": "SELECT [1, 2] AS list", "no such table": "SELECT * FROM nowhere"} {
		if _, err := db.Rows(t.Context(), query); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}
