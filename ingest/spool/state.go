package spool

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Every run of a process has an epoch, and its LSNs begin with it: so they ascend over all runs, also where a run's messages never
// reached the disk, and the state file is written once a run only.
const (
	stateName  = "spool.state"
	epochShift = 40 // a run can have 2^40 messages
	slotApart  = 512
	slotBytes  = 20
)

// stateFile holds the epoch in two slots, written in turn, so that a torn write leaves the other. Its lock is the folder's.
type stateFile struct{ f file }

// load returns the newest epoch that was saved, and false where there is none that can be read.
func (s stateFile) load() (epoch uint64, ok bool) {
	var b [slotApart + slotBytes]byte
	// A file that is too short, or cannot be read, has no valid slot in what is missing.
	_, _ = s.f.ReadAt(b[:], 0)
	for _, at := range []int{0, slotApart} {
		slot := b[at : at+slotBytes]
		sum := binary.LittleEndian.Uint32(slot[16:])
		e := binary.LittleEndian.Uint64(slot[8:])
		if string(slot[:8]) == "FSstate1" && sum == crc32.Checksum(slot[:16], castagnoli) && e < lsnLimit>>epochShift && e >= epoch {
			epoch, ok = e, true
		}
	}
	return epoch, ok
}

// save makes an epoch last.
func (s stateFile) save(epoch uint64) error {
	slot := append(make([]byte, 0, slotBytes), "FSstate1"...)
	slot = binary.LittleEndian.AppendUint64(slot, epoch)
	slot = binary.LittleEndian.AppendUint32(slot, crc32.Checksum(slot, castagnoli))
	if _, err := s.f.WriteAt(slot, int64(epoch%2)*slotApart); err != nil {
		return fmt.Errorf("write the state file: %w", err)
	}
	if err := s.f.sync(); err != nil {
		return fmt.Errorf("sync the state file: %w", err)
	}
	return nil
}

// close unlocks the folder.
func (s stateFile) close() error {
	if err := s.f.Close(); err != nil {
		return fmt.Errorf("close the state file: %w", err)
	}
	return nil
}
