package agent

// none is no entry.
const none = int32(-1)

// order is a list of a pool's entries by their indexes, the oldest at the head. Entries join at the tail and leave from
// anywhere, in constant time and without allocating once it has grown; container/list would allocate at every frame.
type order struct {
	head, tail int32
	links      []link
}

type link struct{ prev, next int32 }

func newOrder() order { return order{head: none, tail: none} }

// push puts the entry at the tail. It must not be in the list.
func (o *order) push(i int32) {
	for int(i) >= len(o.links) {
		o.links = append(o.links, link{none, none})
	}
	o.links[i] = link{o.tail, none}
	if o.tail != none {
		o.links[o.tail].next = i
	} else {
		o.head = i
	}
	o.tail = i
}

// remove takes the entry out. It must be in the list.
func (o *order) remove(i int32) {
	l := o.links[i]
	if l.prev != none {
		o.links[l.prev].next = l.next
	} else {
		o.head = l.next
	}
	if l.next != none {
		o.links[l.next].prev = l.prev
	} else {
		o.tail = l.prev
	}
}
