package panels

// What most panels' columns are made of.

func day() Column       { return Column{Name: "time", Label: "Day", Role: Time} }
func week() Column      { return Column{Name: "time", Label: "Week of", Role: Time} }
func step() Column      { return Column{Name: "time", Label: "Time (UTC)", Role: Instant} }
func storeName() Column { return Column{Name: "store", Label: "Store", Role: Category} }

// storesName is a store's name for people, for bars that stand beside each other: with its id where another store has the same name, and
// its id where it has none.
func storesName() Column { return Column{Name: "name", Label: "Store", Role: Category} }

// storeID is the store's name in stores.yaml, beside the one for people.
func storeID() Column { return detail("store", "Name in stores.yaml", None) }

func category(name, label string) Column { return Column{Name: name, Label: label, Role: Category} }

func value(name, label string, u Unit) Column {
	return Column{Name: name, Label: label, Unit: u, Role: Value}
}

func detail(name, label string, u Unit) Column {
	return Column{Name: name, Label: label, Unit: u, Role: Detail}
}

// moment is an instant beside the others of a row; nil where there is none.
func moment(name, label string) Column { return Column{Name: name, Label: label, Role: Instant} }

// state is the state column of the columns of a name.
func state(name, of string) Column {
	return Column{Name: name, Label: "Why there is no number", Role: State, Of: of}
}

// interval is the low and the high column of a value.
func interval(low, high, of string, u Unit) []Column {
	return []Column{{low, "at least", u, Low, of}, {high, "at most", u, High, of}}
}

// estimated are the estimated visits with their interval and state, drawn.
func estimated() []Column {
	const of = "estimated_visits"
	return []Column{
		value(of, "Estimated visits", Visits),
		{"estimated_low", "at least", Visits, Low, of},
		{"estimated_high", "at most", Visits, High, of},
		state("estimated_state", of),
	}
}

// columns joins single columns and groups of them.
func columns(parts ...any) []Column {
	var out []Column
	for _, p := range parts {
		switch p := p.(type) {
		case Column:
			out = append(out, p)
		case []Column:
			out = append(out, p...)
		}
	}
	return out
}
