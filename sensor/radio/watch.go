package radio

// EventKind is what happened to an interface.
type EventKind uint8

// The events of Watch. Back is followed by Up or Down.
const (
	Up EventKind = iota + 1
	Down
	Gone // pulled out, its driver unloaded, or renamed
	Back // there is one of this name again; the socket of the old one hears nothing more
)

// String is the event in a word.
func (k EventKind) String() string {
	switch k {
	case Up:
		return "up"
	case Down:
		return "down"
	case Gone:
		return "gone"
	case Back:
		return "back"
	}
	return "unknown"
}

// watcher turns what rtnetlink says of all interfaces into the events of one.
type watcher struct {
	name  string
	index uint32 // 0: there is none
	up    bool
}

// seen takes what the interface of this number and name is now.
func (w *watcher) seen(index uint32, name string, up, deleted bool) []EventKind {
	ours := index == w.index && w.index != 0
	switch {
	case ours && (deleted || name != w.name):
		w.index = 0
		return []EventKind{Gone}
	case deleted || name != w.name:
		return nil
	case ours && up == w.up:
		return nil
	}
	var out []EventKind
	if !ours {
		if w.index != 0 {
			out = append(out, Gone)
		}
		out = append(out, Back)
	}
	w.index, w.up = index, up
	if up {
		return append(out, Up)
	}
	return append(out, Down)
}

// absent takes that there is no interface of this name.
func (w *watcher) absent() []EventKind {
	if w.index == 0 {
		return nil
	}
	w.index = 0
	return []EventKind{Gone}
}
