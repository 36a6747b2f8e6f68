// Package kafkatest gives a test a Kafka of its own. By default it is the embedded broker in t.TempDir(). Where the
// environment's FOOTFALL_KAFKA_LIBS names a folder with Apache Kafka's jars (deploy/kafka/pom.xml fetches them), it is one
// KRaft node of Apache Kafka on loopback. Topics have fixed names, so every test gets a node of its own, about four seconds
// each, rather than a shared one with topics deleted in between: deletion is slow and leaves groups behind.
package kafkatest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/openfootfall/footfall/ingest/embedded"
)

// LibsEnv names the environment variable with the folder of Apache Kafka's jars.
const LibsEnv = "FOOTFALL_KAFKA_LIBS"

// Apache says whether Start starts Apache Kafka; tests of the embedded broker's own ways skip then.
func Apache() bool { return os.Getenv(LibsEnv) != "" }

// Start returns the addresses of a Kafka without topics that ends with the test.
func Start(t testing.TB) []string {
	t.Helper()
	if libs := os.Getenv(LibsEnv); libs != "" {
		return []string{startApache(t, libs, extras{})}
	}
	b, err := embedded.Start(embedded.Options{DataDir: t.TempDir()})
	if err != nil {
		t.Fatalf("start the embedded broker: %v", err)
	}
	t.Cleanup(b.Close)
	return []string{b.Addr()}
}

const properties = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d%[4]s
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d%[4]s
controller.listener.names=CONTROLLER
log.dirs=%[3]s
num.partitions=1
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.retention.check.interval.ms=1000
log.initial.task.delay.ms=500
`

// extras are what a node has beside its plain listener.
type extras struct {
	listeners  string   // ,NAME://host:port
	properties string   // lines
	format     []string // arguments of the storage tool
}

// startApache formats and starts one combined KRaft node, waits until it answers, and returns its plain listener.
func startApache(t testing.TB, libs string, more extras) string {
	t.Helper()
	if _, err := exec.LookPath("java"); err != nil {
		t.Skipf("%s is set and there is no java: install Java 17", LibsEnv)
	}
	if jars, _ := filepath.Glob(filepath.Join(libs, "kafka_2.13-*.jar")); len(jars) == 0 {
		t.Fatalf("%s: no Kafka in %s: run mvn dependency:copy-dependencies in deploy/kafka", LibsEnv, libs)
	}
	dir := t.TempDir()
	ports := freePorts(t, 2)
	file := filepath.Join(dir, "server.properties")
	text := fmt.Sprintf(properties, ports[0], ports[1], filepath.Join(dir, "log"), more.listeners) + more.properties
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	id := run(t, libs, "kafka.tools.StorageTool", "random-uuid")
	run(t, libs, "kafka.tools.StorageTool", append([]string{"format", "-t", strings.TrimSpace(id), "-c", file}, more.format...)...)

	output, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		t.Fatal(err)
	}
	node := exec.Command("java", javaArgs(libs, "kafka.Kafka", file)...)
	node.Dir, node.Stdout, node.Stderr = dir, output, output
	if err := node.Start(); err != nil {
		t.Fatalf("start Apache Kafka: %v", err)
	}
	t.Cleanup(func() {
		_ = node.Process.Kill() // nothing of it is kept
		_ = node.Wait()
		_ = output.Close()
	})
	addr := fmt.Sprintf("127.0.0.1:%d", ports[0])
	if err := await(addr); err != nil {
		said, _ := os.ReadFile(output.Name())
		t.Fatalf("Apache Kafka does not answer: %v; it said:\n%s", err, said[max(0, len(said)-4000):])
	}
	return addr
}

func javaArgs(libs, class string, args ...string) []string {
	return append([]string{"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(libs, "*"), class}, args...)
}

func run(t testing.TB, libs, class string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "java", javaArgs(libs, class, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", class, args[0], err, stderr.String())
	}
	return string(out)
}

// await asks the node for its brokers until it names them.
func await(addr string) error {
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		var conn *kafka.Conn
		if conn, err = kafka.Dial("tcp", addr); err != nil {
			continue
		}
		_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
		_, err = conn.Brokers()
		_ = conn.Close()
		if err == nil {
			return nil
		}
	}
	return err
}

// freePorts names ports that nobody listened on a moment ago.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports
}
