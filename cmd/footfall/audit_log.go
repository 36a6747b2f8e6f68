package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/openfootfall/footfall/ingest/audit"
)

const auditVerifyHelp = `footfall audit verify reads audit logs and checks that every line is as it was written and follows the one before: a changed,
removed, moved or added line is found, and named. The chain has no key: whoever rewrites its end, or cuts it off, is found only
against a head that was noted earlier, so note the printed head on paper or in a ticket now and then.

  footfall audit verify audit.jsonl
  footfall audit verify --head 5fd9... audit.jsonl`

func auditVerify(args []string, out, errs io.Writer) error {
	f := flags("audit verify", "usage: footfall audit verify [flags] FILE...\n\n"+auditVerifyHelp, out, errs)
	head := f.String("head", "", "a head that was noted: the `hash` must be in one of the files")
	if err := f.parseWithFiles(args); err != nil {
		return err
	}
	if f.NArg() == 0 {
		return f.wrong("name the audit log")
	}
	found := ""
	var broken []error
	for _, path := range f.Args() {
		s, at, err := verifyLog(path, *head)
		if at > 0 {
			found = fmt.Sprintf("the noted head is entry %d of %s\n", at, path)
		}
		if err != nil {
			broken = append(broken, err)
			continue
		}
		fmt.Fprintf(out, "%s: entries: %d", path, s.Entries)
		if s.Entries > 0 {
			fmt.Fprintf(out, ", from %s to %s, head %s", stamp(s.First), stamp(s.Last), s.Head)
		}
		fmt.Fprintln(out)
	}
	fmt.Fprint(out, found)
	if *head != "" && found == "" {
		broken = append(broken, errors.New("the noted head is in no file: the end was cut off since, or it is another log"))
	}
	if len(broken) > 0 {
		return fmt.Errorf("%w: keep the file as it is, as evidence, and look who may write there", errors.Join(broken...))
	}
	return nil
}

// verifyLog verifies one log, and says which entry has the head; 0: none.
func verifyLog(path, head string) (s audit.Summary, at uint64, err error) {
	file, err := openToRead(path)
	if err != nil {
		return s, 0, err
	}
	defer file.Close() //nolint:errcheck // only read from
	s, err = audit.Read(file, func(e audit.Entry) error {
		if e.Hash == head {
			at = e.Seq
		}
		return nil
	})
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return s, at, err
}

const auditShowHelp = `footfall audit show prints an audit log's entries, a line each, and checks the chain as audit verify does.

  footfall audit show audit.jsonl`

func auditShow(args []string, out, errs io.Writer) error {
	f := flags("audit show", "usage: footfall audit show FILE\n\n"+auditShowHelp, out, errs)
	if err := f.parseWithFiles(args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return f.wrong("name one audit log")
	}
	file, err := openToRead(f.Arg(0))
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read from
	_, err = audit.Read(file, func(e audit.Entry) error {
		fmt.Fprintf(out, "%s  %s  %s%s\n", stamp(e.At), e.Actor, e.Kind, factsLine(e.Facts))
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w: keep the file as it is, as evidence, and look who may write there", f.Arg(0), err)
	}
	return nil
}

// stamp is an instant as a log's reader reads it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// factsLine writes facts for people, what it is about first and then in the order of their names; lengths of time in hours.
func factsLine(facts map[string]any) string {
	names := slices.SortedFunc(maps.Keys(facts), func(a, b string) int {
		return cmp.Or(cmp.Compare(factRank(a), factRank(b)), cmp.Compare(a, b))
	})
	var b strings.Builder
	for _, name := range names {
		value := fmt.Sprint(facts[name])
		if s, ok := facts[name].(int64); ok && strings.HasSuffix(name, "_s") {
			name, value = strings.TrimSuffix(name, "_s"), hours(time.Duration(s)*time.Second)
		}
		fmt.Fprintf(&b, "  %s %s", strings.ReplaceAll(name, "_", " "), value)
	}
	return b.String()
}

// factRank puts what an entry is about first.
func factRank(name string) int {
	about := []string{string(audit.Day), string(audit.Where), string(audit.Place), string(audit.Store), string(audit.Sensor), string(audit.Verdict), string(audit.Reason)}
	if i := slices.Index(about, name); i >= 0 {
		return i
	}
	return len(about)
}
