package panels

const noChecks = "Nothing was checked in this range. The aggregator checks every day: is it running, and does the range reach a day on which it did?"

func privacyPanels() []Panel {
	return []Panel{
		{
			ID: "privacy_oldest", Dashboard: Privacy, Chart: Grid, Title: "The oldest thing in every place",
			Question: "Is anything kept for longer than it may be? Every place that keeps something of devices, how old the oldest thing there was at the newest check of the range, and how old it may become by the settings. A breach stands for the rest of its day. \"Unknown\" could not be proven: it does not mean that all is well.",
			Empty:    noChecks,
			Columns: columns(category("kind", "Kind"), storeName(), category("name", "Place"), detail("proof", "Proof", None), detail("reason", "Why", None), value("age_s", "Oldest", Seconds),
				detail("limit_s", "May become", Seconds), detail("used_pct", "Of its limit", Percent), detail("oldest", "Time of the oldest (UTC)", None),
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
			ID: "privacy_lists", Dashboard: Privacy, Chart: Grid, Title: "Opt-outs enforced",
			Question: "Does every sensor exclude the addresses that were registered? The version of the list each sensor enforces, beside the newest that any of these sensors has. A list shows a registered address excluded, not a person: phones with changing made-up addresses still add to the estimate.",
			Empty:    noSensors,
			Columns:  lists(),
		},
	}
}
