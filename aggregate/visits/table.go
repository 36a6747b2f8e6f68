package visits

// table finds a device by its id: open addressing over device numbers, the ids themselves lie in Day. It costs 5 to 11 bytes a
// device where a Go map would cost 20 and more.
type table struct {
	slots []uint32 // device + 1; 0 is empty
	seed  uint64   // drawn per day, so that chosen ids cannot be made to collide
}

const minSlots = 64

// slot is where the search for an id begins: the upper bits of a multiplication, by the golden ratio.
func (t *table) slot(id uint64) uint64 {
	h := (id ^ t.seed) * 0x9e3779b97f4a7c15
	h ^= h >> 32
	return h & uint64(len(t.slots)-1)
}

func (t *table) find(id uint64, ids []uint64) (dev uint32, ok bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	mask := uint64(len(t.slots) - 1)
	for i := t.slot(id); t.slots[i] != 0; i = (i + 1) & mask {
		if dev = t.slots[i] - 1; ids[dev] == id {
			return dev, true
		}
	}
	return 0, false
}

// insert enters the last of ids, which find does not know yet, and keeps the table at most three quarters full.
func (t *table) insert(dev uint32, ids []uint64) {
	if 4*len(ids) > 3*len(t.slots) {
		t.rebuild(max(minSlots, 2*len(t.slots)), ids)
		return
	}
	t.place(dev, ids[dev])
}

func (t *table) place(dev uint32, id uint64) {
	mask := uint64(len(t.slots) - 1)
	i := t.slot(id)
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = dev + 1
}

func (t *table) rebuild(size int, ids []uint64) {
	t.slots = make([]uint32, size)
	for dev, id := range ids {
		t.place(uint32(dev), id)
	}
}
