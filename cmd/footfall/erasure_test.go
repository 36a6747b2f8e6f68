package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/wire"
)

// TestWhatARegistrationForgetsLeavesClickHouseAndMemory brings an open day of 300 phones into an aggregator's ClickHouse, lets a
// sensor forget one of them, and looks for its id, computed with the store's keys, in the engine's files, in every table, and
// in all memory of the aggregator's process. Only a salted hash may be left.
func TestWhatARegistrationForgetsLeavesClickHouseAndMemory(t *testing.T) {
	list := newCanaries(300, 3)
	j := newJourney(t, list)
	j.door.run(j.files("door", list, 1)...)
	sent := sentIDs(j.everythingSent())[storeDay{"north", twoDays[0]}]
	var gone uint64
	for i, id := range idsOf(j.spare, list) {
		if list[i].does == comesIn && sent[id] {
			gone = id
			break
		}
	}
	if gone == 0 {
		t.Fatal("no canary's id was sent: there is nothing to forget")
	}
	look := newScanner()
	look.add(t, 0, "the id", binary.LittleEndian.AppendUint64(nil, gone))
	look.add(t, 0, "the id backwards", binary.BigEndian.AppendUint64(nil, gone))
	look.add(t, 0, "the id in digits", fmt.Append(nil, gone))

	// The garbage collector overwrites what it frees, and runs all the time: what is found is held.
	db, address := j.engine("engine")
	cmd := j.bench.aggregator("engine", "aggregate", "--clickhouse", address)
	cmd.Env = append(cmd.Env, "GODEBUG=clobberfree=1", "GOGC=2")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	j.until("the id in ClickHouse's files", func() bool { return j.inFiles(look) })
	if n := inMemory(t, cmd.Process.Pid, gone); n == 0 {
		t.Error("the id is not found in memory while it is used: the search proves nothing")
	}
	door := func(sequence uint64) *wire.Header {
		return &wire.Header{Store: "north", Sensor: "door", Zone: "shop", Boot: 99, Sequence: sequence, StoreDay: int32(twoDays[0]), Policy: wire.Policy_POLICY_STANDARD}
	}
	j.publish(&wire.Envelope{Header: door(1), Body: &wire.Envelope_Forget{Forget: &wire.Forget{Id: gone}}})
	j.until("the id to leave ClickHouse's files", func() bool { return !j.inFiles(look) })
	sequence := uint64(1)
	j.until("the id to leave the aggregator's memory", func() bool {
		sequence++ // the client's buffer holds the last message until the next one comes: sensors send some every minute
		j.publish(&wire.Envelope{Header: door(sequence), Body: &wire.Envelope_Heartbeat{Heartbeat: &wire.Heartbeat{
			CaptureMs: j.stores[0].Calendar.Start(twoDays[0]).UnixMilli() + 3_600_000, Software: "test", Frames: sequence,
		}}})
		return inMemory(t, cmd.Process.Pid, gone) == 0
	})
	if n, err := store.Value[uint64](t.Context(), db, "SELECT count() FROM device_days WHERE id = ?", gone); n != 0 || err != nil {
		t.Errorf("got %d rows of the device, %v, want none", n, err)
	}
	look.forget()
	look.folder(t, j.path("engine"))
	look.nothing(t, "after the Forget")
}

// engine starts ClickHouse on a folder in the test's process, for programs that run beside it.
func (j *journey) engine(name string) (db *store.DB, address string) {
	j.t.Helper()
	db, err := store.Open(j.t.Context(), "embedded:"+j.path(name), store.Options{})
	if err != nil {
		j.t.Fatal(err)
	}
	j.t.Cleanup(func() {
		if err := db.Close(); err != nil {
			j.t.Error(err)
		}
	})
	host, password, _ := db.Front()
	return db, fmt.Sprintf("http://test:%s@%s/%s", password, host, db.Database())
}

// inFiles looks for the patterns in ClickHouse's folder.
func (j *journey) inFiles(look *scanner) bool {
	j.t.Helper()
	look.forget()
	if _, err := os.Stat(j.path("engine")); err != nil {
		return false
	}
	look.folder(j.t, j.path("engine"))
	return len(look.hits) > 0
}

// inMemory counts where the eight bytes of an id, in either order, are in a process's memory.
func inMemory(t *testing.T, pid int, id uint64) (n int) {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Skipf("skipped: no look into the memory of another process here: %v", err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Skipf("skipped: no look into the memory of another process here: %v", err)
	}
	defer mem.Close()
	forms := [][]byte{binary.LittleEndian.AppendUint64(nil, id), binary.BigEndian.AppendUint64(nil, id)}
	buf := make([]byte, 1<<20)
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var perms string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &perms); err != nil || !strings.HasPrefix(perms, "rw") {
			continue
		}
		for at := from; at < to; at += int64(len(buf)) - 7 {
			k, err := mem.ReadAt(buf[:min(int64(len(buf)), to-at)], at)
			if err != nil && !errors.Is(err, io.EOF) && k == 0 {
				break // a guard page, or gone meanwhile
			}
			for _, f := range forms {
				n += bytes.Count(buf[:k], f)
			}
			if to-at <= int64(len(buf)) {
				break
			}
		}
	}
	return n
}
