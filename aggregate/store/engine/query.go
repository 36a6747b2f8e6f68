package engine

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Query is one statement and what it runs under.
type Query struct {
	SQL      []byte // the statement; an INSERT with Data ends before its FORMAT
	Data     []byte // what an INSERT inserts, in Format; nil: SQL is complete
	Database string // empty: default
	Format   string // of Data, or of the output where the statement names none
	ReadOnly bool   // nothing may be changed
	Settings map[string]string
	Params   map[string]string // values for {name:Type}
}

// prelude lists the statements that prepare a connection for the query.
func (q Query) prelude() ([]string, error) {
	var statements []string
	if q.Database != "" {
		statements = append(statements, "USE "+quote(q.Database, '`'))
	}
	var settings []string
	for _, name := range slices.Sorted(maps.Keys(q.Settings)) {
		if !settingName.MatchString(name) {
			return nil, refuse(codeUnknownSetting, fmt.Sprintf("%q is no name of a setting. (UNKNOWN_SETTING)", name))
		}
		settings = append(settings, name+" = "+quote(q.Settings[name], '\''))
	}
	if q.ReadOnly {
		settings = append(settings, "readonly = 1")
	}
	if len(settings) > 0 {
		statements = append(statements, "SET "+strings.Join(settings, ", "))
	}
	return statements, nil
}

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// quote writes s as a ClickHouse literal between the given quotes.
func quote(s string, mark byte) string {
	m := string(mark)
	return m + strings.NewReplacer(`\`, `\\`, m, `\`+m, "\x00", `\0`).Replace(s) + m
}

// insertClause matches the text of an INSERT whose data follows it.
var insertClause = regexp.MustCompile("(?is)^(\\s*INSERT\\s+INTO\\s+(?:TABLE\\s+)?[\\w.`\"]+\\s*(?:\\([^()]*\\))?" +
	"(?:\\s*SETTINGS\\s[^;]*?)?)\\s*\\bFORMAT\\s+(\\w+)[ \\t\\r]*(?:\\n|;|$)")

// setStatement joins the query parameter and the body, as a server does: an
// INSERT's text may come in the parameter and its data in the body.
func (q *Query) setStatement(param string, body []byte) {
	text := body
	if param != "" {
		text = []byte(param)
	}
	const longest = 1 << 16 // of an INSERT's text
	if m := insertClause.FindSubmatchIndex(text[:min(len(text), longest)]); m != nil && !strings.EqualFold(string(text[m[4]:m[5]]), "VALUES") {
		q.SQL, q.Format, q.Data = bytes.TrimSpace(text[m[2]:m[3]]), string(text[m[4]:m[5]]), text[m[1]:]
		if param != "" {
			q.Data = append(q.Data[:len(q.Data):len(q.Data)], body...)
		}
		return
	}
	if q.SQL = text; param != "" && len(body) > 0 {
		q.SQL = slices.Concat(text, []byte("\n"), body)
	}
}

var formatClause = regexp.MustCompile(`(?is)\bFORMAT\s+([a-z0-9_]+)\s*(?:SETTINGS\s[^;]*)?[;\s]*$`)

// outputFormat is the format a statement names at its end, or the default.
func outputFormat(q Query) string {
	const tail = 4096
	end := q.SQL[max(0, len(q.SQL)-tail):]
	if m := formatClause.FindSubmatch(end); m != nil {
		return string(m[1])
	}
	return q.Format
}
