package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
)

const aclsFolder = "../../deploy/kafka"

// aclRow is a line of deploy/kafka/acls.csv.
type aclRow struct {
	role, resource    string
	names, operations []string
}

func readACLs(t testing.TB) (rows []aclRow) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(aclsFolder, "acls.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.SplitN(strings.TrimSpace(line), ",", 5)
		if len(cells) != 5 || cells[4] == "" {
			t.Fatalf("acls.csv: got the line %q, want five cells, the last of them why", line)
		}
		rows = append(rows, aclRow{cells[0], cells[1], strings.Fields(cells[2]), strings.Fields(cells[3])})
	}
	return rows
}

var allTopics = []string{broker.Sightings, broker.Counters, broker.OptOuts, broker.DeadLetters, broker.Sensors, broker.Quarantine, broker.Clock}

// aclRights is what each role may read and write, and no more: what the file is held against, on paper and at a broker.
var aclRights = map[string]struct{ reads, writes []string }{
	"sensor": {[]string{broker.OptOuts}, []string{broker.Sightings, broker.Counters, broker.Sensors, broker.Clock}},
	"optout": {[]string{broker.OptOuts, broker.Quarantine, broker.Sensors}, []string{broker.OptOuts, broker.Quarantine}},
	"aggregate": {
		allTopics, // for the proof of retention
		[]string{broker.Sightings, broker.Counters, broker.DeadLetters},
	},
	"audit": {allTopics, nil},
	"admin": {nil, nil},
}

func TestACLsSayWhoReadsAndWritesWhat(t *testing.T) {
	got := map[string]bool{}
	for _, row := range readACLs(t) {
		if _, known := aclRights[row.role]; !known {
			t.Errorf("got the role %q, want one of the five", row.role)
		}
		for _, name := range row.names {
			if row.resource == "topic" && !slices.Contains(allTopics, name) {
				t.Errorf("%s: got the topic %q, want one that there is", row.role, name)
			}
			for _, operation := range row.operations {
				if operation == "All" || name == "*" {
					t.Errorf("%s: got %s of %s, want every right by its name", row.role, operation, name)
				}
				if row.resource == "topic" && (operation == "Read" || operation == "Write") {
					got[row.role+" "+operation+" "+name] = true
				}
			}
		}
	}
	want := map[string]bool{}
	for role, r := range aclRights {
		for _, name := range r.reads {
			want[role+" Read "+name] = true
		}
		for _, name := range r.writes {
			want[role+" Write "+name] = true
		}
	}
	for right := range got {
		if !want[right] {
			t.Errorf("got the right %q, want it refused", right)
		}
	}
	for right := range want {
		if !got[right] {
			t.Errorf("got no right %q, want it given", right)
		}
	}
}

// runACLs runs deploy/kafka/acls with a tool in place of kafka-acls.sh.
func runACLs(t *testing.T, tool string, args ...string) (out string, err error) {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	cmd := exec.CommandContext(t.Context(), bash, append([]string{filepath.Join(aclsFolder, "acls")}, args...)...)
	cmd.Env = append(os.Environ(), "KAFKA_ACLS="+tool)
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// writeTool writes a program that stands for kafka-acls.sh.
func writeTool(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kafka-acls.sh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil { //nolint:gosec // it has to run
		t.Fatal(err)
	}
	return path
}

// TestTheACLScriptGivesWhatTheFileSays records what the script would have Kafka do.
func TestTheACLScriptGivesWhatTheFileSays(t *testing.T) {
	tool := writeTool(t, `printf '%s|' "$@"; echo; cat`) // cat: the tool may read its standard input
	out, err := runACLs(t, tool, "sensor=User:CN=door 1", "sensor=User:s2", "optout=User:o", "aggregate=User:g", "audit=User:a", "admin=User:r",
		"--", "--bootstrap-server", "kafka:9092", "--command-config", "a file")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var want []string
	principals := map[string][]string{"sensor": {"User:CN=door 1", "User:s2"}, "optout": {"User:o"}, "aggregate": {"User:g"}, "audit": {"User:a"}, "admin": {"User:r"}}
	for _, row := range readACLs(t) {
		for _, p := range principals[row.role] {
			line := "--bootstrap-server|kafka:9092|--command-config|a file|--add|--allow-principal|" + p + "|"
			for _, name := range row.names {
				if line += "--" + row.resource + "|"; row.resource != "cluster" {
					line += name + "|"
				}
			}
			for _, operation := range row.operations {
				line += "--operation|" + operation + "|"
			}
			want = append(want, line)
		}
	}
	if got := strings.Split(strings.TrimSpace(out), "\n"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", out, strings.Join(want, "\n"))
	}
	if out, err = runACLs(t, tool, "--remove", "optout=User:o", "--", "x"); err != nil || !strings.HasPrefix(out, "x|--remove|--force|--allow-principal|User:o|") {
		t.Errorf("--remove: got %q, %v, want the rights of one role taken away", out, err)
	}
	out, err = runACLs(t, "no-such-tool", "--print", "optout=User:o", "--", "x")
	if err != nil || !strings.HasPrefix(out, "'no-such-tool' 'x' '--add' '--allow-principal' 'User:o'") {
		t.Errorf("--print: got %q, %v, want the commands", out, err)
	}
}

func TestTheACLScriptRefuses(t *testing.T) {
	for _, row := range []struct {
		name, tool, want string
		status           int
		args             []string
	}{
		{"nothing", "true", "end the roles with --", 2, nil},
		{"no role", "true", "name at least one role", 2, []string{"--", "x"}},
		{"another role", "true", "cashier=User:x is not a role with a principal", 2, []string{"cashier=User:x", "--"}},
		{"no principal", "true", "optout= is not a role with a principal", 2, []string{"optout=", "--"}},
		{"no tool", "no-such-tool", "name it in KAFKA_ACLS", 1, []string{"optout=User:x", "--"}},
		{"a tool that fails", writeTool(t, "exit 1"), "refused the rights of optout", 1, []string{"optout=User:x", "--"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			out, err := runACLs(t, row.tool, row.args...)
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != row.status || !strings.Contains(out, row.want) {
				t.Errorf("got %v and %q, want status %d and %q", err, out, row.status, row.want)
			}
		})
	}
	out, err := runACLs(t, "true", "--help")
	if err != nil || !strings.HasPrefix(out, "usage: deploy/kafka/acls") {
		t.Errorf("--help: got %v and %q, want the usage", err, out)
	}
}

// javaACLs is Apache Kafka's own tool.
func javaACLs(t *testing.T) string {
	libs, err := filepath.Abs(os.Getenv(kafkatest.LibsEnv))
	if err != nil {
		t.Fatal(err)
	}
	return writeTool(t, `exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "`+libs+`/*" org.apache.kafka.tools.AclCommand "$@"`)
}
