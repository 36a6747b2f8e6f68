package store

import (
	"regexp"
	"strings"
)

// blanks are the bytes around statements that say nothing. Other white space of Unicode is left to ClickHouse.
const blanks = " \t\r\n\v\f"

// splitStatements cuts a file of SQL at its semicolons, leaving alone those in
// quotes, comments and $tag$ texts, as ClickHouse's own client does. Comments
// stay with the statement after them; a piece of comments only is left out.
func splitStatements(sql string) []string {
	var statements []string
	begin, substance := 0, false
	for i := 0; i < len(sql); {
		switch n := skipComment(sql[i:]); {
		case n > 0:
			i += n
		case sql[i] == ';':
			if substance {
				statements = append(statements, strings.Trim(sql[begin:i], blanks))
			}
			i++
			begin, substance = i, false
		default:
			n := skipText(sql[i:])
			substance = substance || strings.Trim(sql[i:i+n], blanks) != ""
			i += n
		}
	}
	if substance {
		statements = append(statements, strings.Trim(sql[begin:], blanks))
	}
	return statements
}

// skipComment is the length of the comment s begins with, 0 if it does not.
func skipComment(s string) int {
	switch {
	case strings.HasPrefix(s, "--"), strings.HasPrefix(s, "# "), strings.HasPrefix(s, "#!"):
		if end := strings.IndexByte(s, '\n'); end >= 0 {
			return end + 1
		}
		return len(s)
	case strings.HasPrefix(s, "/*"):
		if end := strings.Index(s[2:], "*/"); end >= 0 {
			return end + 4
		}
		return len(s)
	default:
		return 0
	}
}

var heredoc = regexp.MustCompile(`^\$[A-Za-z0-9_]*\$`)

// skipText is the length of the quoted text s begins with, or 1.
func skipText(s string) int {
	switch s[0] {
	case '\'', '"', '`':
		return quoted(s)
	case '$':
		if tag := heredoc.FindString(s); tag != "" {
			if end := strings.Index(s[len(tag):], tag); end >= 0 {
				return end + 2*len(tag)
			}
		}
	}
	return 1
}

// quoted is the length of a text in quotes; a quote inside is doubled or comes
// after a backslash.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			if i+1 == len(s) || s[i+1] != s[0] {
				return i + 1
			}
			i++
		}
	}
	return len(s)
}
