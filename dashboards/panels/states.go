package panels

// The states of a published value. A number is there only where its state is StateValue.
const (
	StateValue   = "value"
	StateUnder10 = "under_10"
	StateQuiet   = "quiet"
	StateClosed  = "closed"
	StateNoData  = "no_data"
	StatePolicy  = "policy"
)

// States are all of them.
func States() []string {
	return []string{StateValue, StateUnder10, StateQuiet, StateClosed, StateNoData, StatePolicy}
}

// StateText is how an empty cell reads, in a language: a word or two for the
// cell itself. English is what there is; another language reads English. A state
// that is not of States reads as it is, and value reads empty: there the number
// stands.
func StateText(state, lang string) string {
	switch state {
	case StateValue:
		return ""
	case StateUnder10:
		return "under 10"
	case StateQuiet:
		return "quiet"
	case StateClosed:
		return "closed"
	case StateNoData:
		return "no data"
	case StatePolicy:
		return "not available: policy"
	}
	return state
}

// StateMeaning says in a sentence why a cell has no number. It is empty for value and for what is no state.
func StateMeaning(state, lang string) string {
	switch state {
	case StateUnder10:
		return "Fewer than 10 were counted. Numbers this small are not shown."
	case StateQuiet:
		return "Fewer than 10 devices are inside just now. Numbers this small are not shown."
	case StateClosed:
		return "The store was closed, and nothing is kept outside opening hours."
	case StateNoData:
		return "No sensor listened, or there is too little behind the number yet. It does not mean that nobody came."
	case StatePolicy:
		return "The store's privacy policy does not allow this number to be made."
	}
	return ""
}
