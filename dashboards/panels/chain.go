package panels

const noStores = "None of these stores has a published store-day in this range. Choose a longer range, or other stores."

func chainPanels() []Panel {
	return []Panel{
		{
			ID: "chain_ranked", Dashboard: Chain, Chart: Bars, Title: "Stores by visits",
			Question: "Which stores have the most visits? Sums of the daily estimated visits over the range. Compare stores only where their ranges do not overlap, and where as many days stand behind them." + estimateNote,
			Empty:    noStores,
			Columns: columns(storesName(), estimated(), detail("visits", "Visits of stable devices", Visits), state("visits_state", "visits"),
				detail("days_shown", "Days in the sum", None), detail("days_under_10", "Days under 10", None), detail("days_no_data", "Days without data", None), storeID()),
		},
		{
			ID: "chain_per_hour", Dashboard: Chain, Chart: Bars, Title: "Visits per opening hour",
			Question: "Which stores are busy for the time they are open? Estimated visits divided by the hours in which the store was open and a sensor listened, of the days that have a number: a store with many days under 10 is less busy than it seems here." + estimateNote,
			Empty:    noStores,
			Columns: columns(storesName(), value("per_hour", "Estimated visits per hour", Visits), state("per_hour_state", "per_hour"),
				detail("hours_open", "Hours open on these days", None), detail("days_shown", "Days in the sum", None), detail("days_under_10", "Days under 10", None), storeID()),
		},
		{
			ID: "chain_weeks", Dashboard: Chain, Chart: Line, Title: "Week over week",
			Question: "Which stores grow, which shrink? Estimated visits a week, one small chart a store. The change is shown where both weeks have the same number of days; of less than about 10 percent it may be chance." + estimateNote,
			Empty:    noStores,
			Columns: columns(week(), storeName(), value("estimated_visits", "Estimated visits", Visits), state("estimated_state", "estimated_visits"),
				detail("change_pct", "Against the week before", Percent), state("change_state", "change_pct"), detail("days_shown", "Days in the sum", None)),
		},
		{
			ID: "chain_days", Dashboard: Chain, Chart: Band, Title: "Day by day",
			Question: "How did each store's days go? One small chart a store, with the range of the estimate." + estimateNote,
			Empty:    noStores,
			Columns:  columns(day(), storeName(), estimated()),
		},
		{
			ID: "chain_regions", Dashboard: Chain, Chart: Bars, Title: "Regions side by side",
			Question: "Which regions have the most visits? Sums of the daily estimated visits of their stores over the range. A region is what stores.yaml says; stores without one stand together. Regions of other sizes are compared by the visits a store-day." + estimateNote,
			Empty:    noStores,
			Columns: columns(category("region", "Region"), estimated(), detail("per_store_day", "Estimated visits a store-day", Visits), detail("stores", "Stores", None),
				detail("days_shown", "Store-days in the sum", None), detail("days_under_10", "Store-days under 10", None), detail("days_no_data", "Store-days without data", None)),
		},
		{
			ID: "chain_region_weeks", Dashboard: Chain, Chart: Line, Title: "Week over week by region",
			Question: "Which regions grow, which shrink? Estimated visits a week, one small chart a region. The change is of the stores' weekdays that have a number in both weeks, so a store that opened or failed does not make it." + estimateNote,
			Empty:    noStores,
			Columns: columns(week(), category("region", "Region"), value("estimated_visits", "Estimated visits", Visits), state("estimated_state", "estimated_visits"),
				detail("change_pct", "Against the week before", Percent), state("change_state", "change_pct"), detail("days_compared", "Store-days compared", None),
				detail("days_shown", "Store-days in the sum", None), detail("stores", "Stores", None)),
		},
		{
			ID: "chain_rates", Dashboard: Chain, Chart: Grid, Title: "What does not depend on size",
			Question: "Which stores draw people in and keep them? Medians over the days of the range. The capture rate depends on where a store's sensor stands, so differences between stores say less than changes within one." + stableNote,
			Empty:    noStores,
			Columns: columns(storeName(), value("capture_rate_pct", "Capture rate", Percent), state("capture_state", "capture_rate_pct"), value("engaged_pct", "Engaged", Percent),
				state("engaged_shown", "engaged_pct"), value("dwell_min", "Median stay", Minutes), state("dwell_shown", "dwell_min"), detail("days", "Days", None)),
		},
		{
			ID: "chain_quality", Dashboard: Chain, Chart: Grid, Title: "Can the stores be compared?",
			Question: "Whose numbers are weak? A small coverage or a large random share makes wide ranges; days without data are missing from every sum.",
			Empty:    noStores,
			Columns: columns(storeName(), value("coverage_pct", "Coverage", Percent), state("coverage_shown", "coverage_pct"), value("random_share_pct", "Random share", Percent),
				state("random_share_shown", "random_share_pct"), value("days_no_data", "Days without data", None), detail("days_open", "Days open", None)),
			Thresholds: []Threshold{
				{"coverage_pct", 0, Bad}, {"coverage_pct", 5, Warn}, {"coverage_pct", 10, Good},
				{"days_no_data", 0, Good}, {"days_no_data", 1, Warn}, {"days_no_data", 3, Bad},
			},
		},
	}
}
