package panels

const (
	tillsNote = " A till may ring several times for one visit, and for sales without a visit, such as orders by phone, so more than 100 percent is possible and shown as it is." +
		" Visits are of devices, which stand for people, so compare a store with itself."
	noTills = "No transactions of this store have been imported for this range: footfall import transactions takes them from CSV, by the hour, without customer data."
)

const (
	effectNote = " Days of other promotions, of holidays and of closures are left out on every side. The range holds the true change 19 times in 20, if nothing else changed with the campaign; a season that changes from week to week does, unless there are three or more stores without the campaign to compare with. A range on both sides of 0 means that nothing can be said to have changed." +
		" The change is of estimated visits as they are published."
	noCampaigns = "No promotion is noted in this range: footfall annotate notes one."
)

// effectColumns are those of a campaign's effect.
func effectColumns() []Column {
	const of = "effect_pct"
	return columns(value(of, "Change of visits", Percent), interval("effect_low_pct", "effect_high_pct", of, Percent), state("effect_state", of),
		detail("reason", "To know", None), detail("against", "Compared with", None), detail("last_day", "Last day", None),
		detail("days_during", "Days behind it", None), detail("weeks_before", "Weeks before", None), detail("other_stores", "Stores without it", None))
}

// worthPanels say what visits were worth.
func worthPanels() []Panel {
	const of = "conversion_pct"
	return []Panel{
		{
			ID: "conversion", Dashboard: Store, Chart: Band, Title: "Conversion by day",
			Question: "How many visits end at the till? Transactions divided by estimated visits, in whole percent. The range is that of the estimate: transactions / its upper end to transactions / its lower end, and without an upper end where the estimate begins at 0." + tillsNote +
				" Transactions of some hours only make too small a share: look at the hours. Those of hours in which no sensor listened are left out, because their visits are missing; those of hours in which the store was closed are kept, because who came before closing may pay after it.",
			Empty: noTills,
			Columns: columns(day(), storeName(), value(of, "Conversion", Percent), interval("conversion_low_pct", "conversion_high_pct", of, Percent), state("conversion_state", of),
				detail("transactions", "Transactions", None), detail("transactions_left_out", "Of these while no sensor listened", None), detail("estimated_visits", "Estimated visits", Visits), detail("hours_rung", "Hours with transactions", None)),
		},
		{
			ID: "conversion_by_hour", Dashboard: Store, Chart: Bars, Title: "Conversion by hour",
			Question: "At which hours do visits end at the till? Transactions divided by the estimated visits that began in the hour, over the days of the range that have both. Hours under 10 are left out on both sides, and the ends of the hours' ranges are added, so the range is wider than need be. Who comes in late in an hour pays in the next." + tillsNote,
			Empty:    noTills,
			Columns: columns(storeName(), category("clock", "Hour"), value(of, "Conversion", Percent), interval("conversion_low_pct", "conversion_high_pct", of, Percent), state("conversion_state", of),
				detail("transactions", "Transactions", None), detail("days_shown", "Days behind it", None), detail("days_under_10", "Days under 10", None)),
		},
		{
			ID: "campaigns", Dashboard: Store, Chart: Grid, Title: "What campaigns did",
			Question: "Did a promotion bring visits? The days of each promotion against the same weekdays of the eight weeks before, and where three or more stores had none on those days, against what those did (difference in differences)." + effectNote,
			Empty:    noCampaigns,
			Columns:  columns(Column{Name: "time", Label: "First day", Role: Time}, storeName(), category("campaign", "Campaign"), effectColumns()),
		},
	}
}

// chainWorthPanels are those of several stores.
func chainWorthPanels() []Panel {
	return []Panel{{
		ID: "chain_campaigns", Dashboard: Chain, Chart: Grid, Title: "What campaigns did",
		Question: "Which promotions brought visits, and where? The days of each promotion against the same weekdays of the eight weeks before, and where three or more stores had none on those days, against what those did (difference in differences). A promotion of all stores is there once, for all of them together; what it did to one of them stands on that store's dashboard." + effectNote,
		Empty:    noCampaigns,
		Columns:  columns(Column{Name: "time", Label: "First day", Role: Time}, category("campaign", "Campaign"), storeName(), effectColumns()),
	}}
}
