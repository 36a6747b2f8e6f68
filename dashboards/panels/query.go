package panels

import (
	"context"
	"embed"
	"strings"
)

//go:embed sql/*.sql
var statements embed.FS

// statement is the SQL of a panel without its header. A test holds that every
// panel has one, so a missing file is an empty statement here.
func statement(id string) string {
	text, err := statements.ReadFile("sql/" + id + ".sql")
	if err != nil {
		return ""
	}
	lines := strings.Split(string(text), "\n")
	for len(lines) > 0 && strings.HasPrefix(lines[0], "--") {
		lines = lines[1:]
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// Querier runs a SELECT. Who links both dashboards and a database gives one.
type Querier interface {
	Query(ctx context.Context, sql string) (Table, error)
}

// Table is what a SELECT returned. A cell is nil, int64, float64, string, bool or time.Time (UTC).
// An answer without rows may come without columns, too: a panel knows its own.
type Table struct {
	Columns []string
	Rows    [][]any
}
