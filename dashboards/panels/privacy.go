package panels

const noChecks = "Nothing was checked in this range. The aggregator checks every day: is it running, and does the range reach a day on which it did?"

const noFacts = "Nothing is known as of this range: these facts are of now, so choose a range that reaches to now. The aggregator writes them every few minutes: is it running?"

func privacyPanels() []Panel {
	return []Panel{
		{
			ID: "privacy_oldest", Dashboard: Privacy, Chart: Grid, Title: "The oldest thing in every place",
			Question: "Is anything kept for longer than it may be? Every place that keeps something of devices, how old the oldest thing there was at the newest check of the range, and how old it may become by the settings. A breach stands for the rest of its day. \"Unknown\" could not be proven: it does not mean that all is well.",
			Empty:    noChecks,
			Columns: columns(category("kind", "Kind"), storeName(), category("name", "Place"), detail("proof", "Proof", None), detail("reason", "Why", None), value("age_s", "Oldest", Seconds),
				detail("limit_s", "May become", Seconds), detail("used_pct", "Of its limit", Percent), moment("oldest", "Time of the oldest (UTC)"),
				Column{Name: "checked_at", Label: "Checked (UTC)", Role: Instant}),
			Thresholds: []Threshold{{"used_pct", 0, Good}, {"used_pct", 90, Warn}, {"used_pct", 100.5, Bad}},
		},
		{
			ID: "privacy_checks", Dashboard: Privacy, Chart: Bars, Title: "Daily checks",
			Question: "Did every day's check hold? The number of places that were within their limits, that could not be proven, and that were not. Days are UTC.",
			Empty:    noChecks,
			Columns: columns(day(), value("ok", "Within the limit", None), value("unknown", "Unknown", None),
				value("breach", "Breach", None)),
			Thresholds: []Threshold{{"unknown", 0, Good}, {"unknown", 1, Warn}, {"breach", 0, Good}, {"breach", 1, Bad}},
		},
		{
			ID: "privacy_keys", Dashboard: Privacy, Chart: Grid, Title: "Keys on the sensors",
			Question: "Which store-day's keys does each sensor have? A sensor turns its keys when its store-day begins, and destroys those before: with keys of today nobody can make the codes of an earlier day again. It says the day, never a key. A sensor that is silent may still have the keys that it last had.",
			Empty:    noFacts,
			Columns: columns(storeName(), sensorName(), detail("keys_of", "Keys of", None), value("days_old", "Store-days old", None), detail("reading", "Reads", None),
				moment("said_at", "Said (UTC)"), Column{Name: "checked_at", Label: "As of (UTC)", Role: Instant}),
			Thresholds: []Threshold{{"days_old", 0, Good}, {"days_old", 1, Warn}, {"days_old", 2, Bad}},
		},
		{
			ID: "privacy_erasures", Dashboard: Privacy, Chart: Bars, Title: "Erasures",
			Question: "Were registrations erased from the days that were still open? How many codes each store-day was told to forget until it was sealed: as many for a shopper who was there as for one who was not, and how many were found is not known to anybody. The number follows from how many registered, and how many sensors there are, not from who came.",
			Empty:    "No store-day of these stores that was sealed in this range was told to forget anything: nobody registered an address while it was open.",
			Columns:  columns(day(), value("forgets", "Codes to forget", None), detail("stores", "Stores", None)),
		},
		{
			ID: "privacy_audit", Dashboard: Privacy, Chart: Grid, Title: "Audit logs",
			Question: "Is the record of what was done whole? Every line of an audit log holds the hash of the one before; the chain is read anew every hour. It has no key, so note its head elsewhere now and then: footfall audit verify prints it.",
			Empty:    noFacts,
			Columns: columns(category("program", "Program"), value("entries", "Entries", None), detail("chain", "The chain is", None), moment("last_entry", "Last entry (UTC)"),
				Column{Name: "checked_at", Label: "Verified (UTC)", Role: Instant}),
		},
		{
			ID: "privacy_suppressed", Dashboard: Privacy, Chart: Line, Title: "Share of hours that read \"under 10\"",
			Question: "How much is withheld because too few people stand behind it? Of the stores' hours with something to show, those that read \"under 10\", in whole percent. A high share says that these stores are too quiet for hourly numbers.",
			Empty:    "No hour of these stores has been published in this range.",
			Columns:  columns(day(), value("suppressed_pct", "Under 10", Percent), state("suppressed_state", "suppressed_pct"), detail("under_10", "Hours under 10", None), detail("cells", "Hours", None)),
		},
		{
			ID: "privacy_states", Dashboard: Privacy, Chart: Bars, Title: "What the hours read",
			Question: "What do the published hours say? Numbers, \"under 10\", no data, not available by policy, closed: five different things, and none of them is zero.",
			Empty:    "No hour of these stores has been published in this range.",
			Columns: columns(day(), value("numbers", "Number", None), value("under_10", "Under 10", None), value("no_data", "No data", None), value("policy", "Policy", None),
				value("closed", "Closed", None)),
		},
		{
			ID: "privacy_enforced", Dashboard: Privacy, Chart: Stat, Title: "Sensors that enforce the newest list",
			Question: "Do all sensors exclude the addresses that were registered? The newest opt-out list, how many sensors of these stores are online and enforce it, of how many that stores.yaml has, and how long ago the list was confirmed at the sensor where that is longest ago. One that is silent enforces its list before it sends anything.",
			Empty:    noFacts,
			Columns: columns(category("scope", "Of"), value("enforcing", "Sensors that enforce it", None), value("sensors", "Sensors", None), value("oldest_s", "Longest since confirmed", Seconds),
				value("newest_version", "Newest list", None), detail("newest_by", "The newest", None), detail("behind", "With an older list", None), detail("other_key", "With another opt-out key", None),
				detail("unconfirmed", "Never confirmed", None), detail("silent", "Silent", None), detail("never_heard", "Never heard of", None),
				Column{Name: "checked", Label: "As of (UTC)", Role: Instant}),
			Thresholds: []Threshold{{"oldest_s", 0, Good}, {"oldest_s", 86400, Warn}, {"oldest_s", 172800, Bad}},
		},
		{
			ID: "privacy_lists", Dashboard: Privacy, Chart: Grid, Title: "Opt-outs enforced",
			Question: "Does every sensor exclude the addresses that were registered? The version of the list each sensor enforces, beside the newest that any of these sensors has. A list shows a registered address excluded, not a person: phones with changing made-up addresses still add to the estimate.",
			Empty:    noSensors,
			Columns:  lists(),
		},
	}
}
