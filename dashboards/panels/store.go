package panels

// What more than one question says.
const (
	estimateNote = " Most phones show changing made-up addresses, so visits are estimated from how many devices are inside and how long visits last; the range holds the true number 19 times in 20, if phones here behave like those the estimate was tried on."
	roundedNote  = " Counts are rounded to 5, and fewer than 10 read \"under 10\"."
	stableNote   = " It is made of the phones that keep their address, a part of all."
	noDays       = "No store-day of this store has been published in this range. A day appears when it is over; choose a longer range, or see whether its sensors are heard."
	noHours      = "No hour of this store has been published in this range. See whether its sensors are heard, or choose an earlier range."
)

func storePanels() []Panel {
	return []Panel{
		{
			ID: "today", Dashboard: Store, Chart: Stat, Title: "Today so far",
			Question: "How is today going, against a usual day? The full hours so far, added up, beside the median of the same hours on the same weekday in the last eight weeks, of at least three. Hours under 10 add nothing on either side, so both numbers are at least so many, and the range is wider than the whole day's, because the ends of the hours' ranges are added. A usual that lies within the range of today means that today may be as usual. Until the first open hour of a day is over, and on a day that the store is closed, there is no number: it reads \"no data\"." + estimateNote,
			Empty:    noHours,
			Columns: columns(storeName(), day(), detail("until_clock", "until", None), estimated(),
				value("typical_visits", "Usual by then", Visits), state("typical_state", "typical_visits"), detail("typical_days", "Days behind the usual", None),
				value("change_pct", "Against the usual", Percent), interval("change_low_pct", "change_high_pct", "change_pct", Percent), state("change_state", "change_pct"),
				detail("visits", "Visits of stable devices", Visits), state("visits_state", "visits")),
			Thresholds: []Threshold{{"change_pct", -100, Bad}, {"change_pct", -30, Warn}, {"change_pct", -20, Neutral}},
		},
		{
			ID: "occupancy_now", Dashboard: Store, Chart: Stat, Title: "Inside now",
			Question: "How many are inside? The number moves every five minutes where sensors are live; of captures and of earlier days it is the mean of the last quarter of an hour. It counts devices, which stand for people; a person may carry none or two. Fewer than 10 read \"quiet\"." + estimateNote,
			Empty:    "Nothing was published in the last two days of this range. See whether the store's sensors are heard.",
			Columns: columns(storeName(), Column{Name: "time", Label: "Since (UTC)", Role: Instant}, detail("clock", "From", None), detail("span", "For", None), value("occupancy", "Inside", People),
				interval("occupancy_low", "occupancy_high", "occupancy", People), state("occupancy_state", "occupancy")),
		},
		{
			ID: "last_day", Dashboard: Store, Chart: Stat, Title: "The last whole day",
			Question: "How was the last whole day, against a usual one? The newest day that is over and that the store was open on. Visits of stable devices beside the median of the same weekday in the last eight weeks, of at least three. Days of 100 visits differ by a tenth and more by chance alone, smaller ones by more." + stableNote + roundedNote,
			Empty:    noDays,
			Columns: columns(storeName(), day(), value("visits", "Visits of stable devices", Visits), state("visits_state", "visits"),
				value("typical_visits", "Usual", Visits), state("typical_state", "typical_visits"), detail("typical_days", "Days behind the usual", None),
				value("change_pct", "Against the usual", Percent), state("change_state", "change_pct"),
				detail("estimated_visits", "Estimated visits", Visits), interval("estimated_low", "estimated_high", "estimated_visits", Visits), state("estimated_state", "estimated_visits"),
				detail("sealed", "Final", None)),
			Thresholds: []Threshold{{"change_pct", -100, Bad}, {"change_pct", -30, Warn}, {"change_pct", -20, Neutral}},
		},
		{
			ID: "visits_by_day", Dashboard: Store, Chart: Band, Title: "Visits by day",
			Question: "How many visits were there each day?" + estimateNote + " Visits of stable devices are counted, not estimated: fewer, but sure." + roundedNote,
			Empty:    noDays,
			Columns:  columns(day(), storeName(), estimated(), value("visits", "Visits of stable devices", Visits), state("visits_state", "visits"), detail("sealed", "Final", None)),
		},
		{
			ID: "occupancy_by_quarter", Dashboard: Store, Chart: Band, Title: "Inside through the day",
			Question: "How full was the store, quarter of an hour by quarter? The newest open day of the range, on the store's clock. It counts devices, which stand for people." + estimateNote + roundedNote,
			Empty:    noHours,
			Columns: columns(storeName(), category("clock", "Time of day"), value("occupancy", "Inside", People), interval("occupancy_low", "occupancy_high", "occupancy", People),
				state("occupancy_state", "occupancy"), Column{Name: "day", Label: "Day", Role: Time}),
		},
		{
			ID: "today_by_hour", Dashboard: Store, Chart: Bars, Title: "Hours of the newest day",
			Question: "Which hours were busier or quieter than usual? Estimated visits of the newest open day, hour by hour, beside the median of the same hour and weekday in the last eight weeks, of at least three." + roundedNote,
			Empty:    noHours,
			Columns: columns(storeName(), category("clock", "Hour"), estimated(), value("typical_visits", "Usual", Visits), state("typical_state", "typical_visits"),
				detail("typical_days", "Days behind the usual", None), Column{Name: "day_shown", Label: "Day", Role: Time}),
		},
		{
			ID: "busy_hours", Dashboard: Store, Chart: Heatmap, Title: "Busy hours",
			Question: "When is the store busy? The median of the estimated visits that began in an hour of a weekday, over the range. A range of four weeks or more makes it steady." + roundedNote,
			Empty:    noHours,
			Columns: columns(storeName(), category("day", "Weekday"), category("hour", "Hour"), value("estimated_visits", "Estimated visits", Visits), state("state", "estimated_visits"),
				detail("days", "Days behind it", None)),
		},
		{
			ID: "unusual_hours", Dashboard: Store, Chart: Grid, Title: "Unusual hours",
			Question: "Which hours were far from what is usual? Estimated visits beside the median of the same hour and weekday in the eight weeks before, of at least four: listed where the difference is more than three and a half times the usual deviation, or where fewer than 10 came and 20 or more are usual. In ordinary weeks chance lists fewer than one hour in a hundred; where the same hours differ by a third from week to week, more." + roundedNote,
			Empty:    "No hour of this range was unusual, as far as can be said: an hour has to have four weeks before it.",
			Columns: columns(storeName(), day(), category("clock", "Hour"), value("estimated_visits", "Estimated visits", Visits), state("estimated_state", "estimated_visits"),
				value("typical_visits", "Usual", Visits), state("typical_state", "typical_visits"), detail("reading", "Reads", None), detail("score", "Times the deviation", None),
				detail("weeks", "Weeks behind the usual", None)),
		},
		{
			ID: "capture_rate", Dashboard: Store, Chart: Line, Title: "Capture rate",
			Question: "Of those who came by, how many came in and stayed? Visits / (visits + short stays + passers-by) in whole percent, from rounded counts." + stableNote + " How many passers-by a sensor hears depends on where it stands, so compare a store with itself.",
			Empty:    noDays,
			Columns: columns(day(), storeName(), value("capture_rate_pct", "Capture rate", Percent), state("capture_rate_state", "capture_rate_pct"),
				detail("visits", "Visits", Visits), state("visits_state", "visits"), detail("bounces", "Short stays", Visits), state("bounces_state", "bounces"),
				detail("passers_by", "Passers-by", People), state("passers_by_state", "passers_by")),
		},
		{
			ID: "engaged_share", Dashboard: Store, Chart: Line, Title: "Engaged visits",
			Question: "How many visits last 15 minutes or more? In whole percent of visits, from rounded counts." + stableNote,
			Empty:    noDays,
			Columns:  columns(day(), storeName(), value("engaged_pct", "Engaged", Percent), state("engaged_state", "engaged_pct")),
		},
		{
			ID: "dwell", Dashboard: Store, Chart: Band, Title: "Length of visits",
			Question: "How long do visitors stay? The median day by day; half of the visits lie between the quartiles, which are not an error of the median. Whole minutes, from 10 distinct visitors a day." + stableNote + " Visits under 5 minutes count as short stays, not as visits.",
			Empty:    noDays,
			Columns: columns(day(), storeName(), value("dwell_p50_min", "Median", Minutes),
				Column{"dwell_p25_min", "Lower quartile", Minutes, Low, "dwell_p50_min"}, Column{"dwell_p75_min", "Upper quartile", Minutes, High, "dwell_p50_min"},
				state("dwell_state", "dwell_p50_min")),
		},
		{
			ID: "new_repeat", Dashboard: Store, Chart: Band, Title: "New and returning visitors",
			Question: "How many visitors are new, and how many come back? Shares of a week's visitors, estimated from noisy memory, so with a range that holds the true share 19 times in 20. A visitor counts as new who had not come within the weeks looked back, up to four; a new sensor begins without memory and looks back further each week." + stableNote + " Coverage says how large that part is.",
			Empty:    "No week has been published in this range. A week appears when its last day is closed: choose a range of two weeks or more.",
			Columns: columns(week(), storeName(), value("new_pct", "New", Percent), interval("new_low_pct", "new_high_pct", "new_pct", Percent), state("new_state", "new_pct"),
				value("repeat_1w_pct", "Came the week before", Percent), interval("repeat_1w_low_pct", "repeat_1w_high_pct", "repeat_1w_pct", Percent), state("repeat_1w_state", "repeat_1w_pct"),
				value("repeat_4w_pct", "Came in the four weeks before", Percent), interval("repeat_4w_low_pct", "repeat_4w_high_pct", "repeat_4w_pct", Percent), state("repeat_4w_state", "repeat_4w_pct"),
				detail("visitors", "Visitors, each counted once a day", People), state("visitors_state", "visitors"),
				detail("lookback_weeks", "Weeks looked back", None), detail("coverage_pct", "Coverage", Percent), state("coverage_state", "coverage_pct")),
		},
		{
			ID: "zones", Dashboard: Store, Chart: Bars, Title: "Zones",
			Question: "Where in the store do visits begin? Visits by the zone that heard them first: the sum of the hours with 10 or more, so at least so many; the hours under 10 are counted beside it." + stableNote,
			Empty:    "No zone of this store has been published in this range. See whether its sensors are heard, or choose an earlier range.",
			Columns: columns(storeName(), category("zone", "Zone"), value("visits", "Visits, at least", Visits), state("visits_state", "visits"),
				detail("hours_shown", "Hours in the sum", None), detail("hours_under_10", "Hours under 10", None)),
		},
		{
			ID: "trend", Dashboard: Store, Chart: Band, Title: "Thirteen weeks",
			Question: "Is the store growing? Sums of the daily numbers by week, thirteen weeks up to the end of the range. The ends of the days' ranges are added as well, so the week's is wider than need be. A week with fewer days shown is not a worse week: look at the days." + estimateNote,
			Empty:    "No store-day has been published in the thirteen weeks before the end of this range.",
			Columns: columns(week(), storeName(), estimated(), value("visits", "Visits of stable devices", Visits), state("visits_state", "visits"),
				detail("days_shown", "Days in the sum", None), detail("days_under_10", "Days under 10", None), detail("days_no_data", "Days without data", None)),
		},
	}
}

func storeQualityPanels() []Panel {
	return []Panel{
		{
			ID: "data_quality", Dashboard: Store, Chart: Line, Title: "How good the data is",
			Question: "How far can the numbers be trusted? The more frames come from made-up addresses (random share), and the smaller the part of the visits that is counted rather than estimated (coverage), the wider the ranges. Gaps are minutes in which the store was open and no sensor listened: those visits are missing.",
			Empty:    noDays,
			Columns: columns(day(), storeName(), value("random_share_pct", "Random share", Percent), state("random_share_state", "random_share_pct"),
				value("coverage_pct", "Coverage", Percent), state("coverage_state", "coverage_pct"),
				value("gap_min", "Gaps", Minutes), detail("open_min", "Open", Minutes)),
			Thresholds: []Threshold{
				{"random_share_pct", 0, Good}, {"random_share_pct", 90, Warn}, {"random_share_pct", 97, Bad},
				{"coverage_pct", 0, Bad}, {"coverage_pct", 5, Warn}, {"coverage_pct", 10, Good},
				{"gap_min", 0, Good}, {"gap_min", 15, Warn}, {"gap_min", 60, Bad},
			},
		},
		{
			ID: "why_empty", Dashboard: Store, Chart: Grid, Title: "Numbers that are missing, and why",
			Question: "Why is a number not there? \"Under 10\" is too few to be shown, \"no data\" is a sensor that did not listen or too little behind the number yet, \"closed\" is outside opening hours, and \"policy\" is a number that the store's privacy policy does not allow. None of them is zero.",
			Empty:    "Every daily number of this range is there.",
			Columns: columns(storeName(), category("number", "Number"), Column{"state", "Why", None, State, "number"}, value("days", "Days", None),
				detail("first_day", "First", None), detail("last_day", "Last", None)),
		},
		{
			ID: "only_counted", Dashboard: Store, Chart: Grid, Title: "Counted without codes",
			Question: "Did a sensor only count for a while? When it cannot be sure that a code may leave it, it sends how many stable devices it heard in a quarter of an hour and nothing else. These are in no other number here, and must not be added to one." + roundedNote,
			Empty:    "No sensor only counted in this range.",
			Columns:  columns(storeName(), day(), category("clock", "Quarter of an hour"), value("counted", "Stable devices", People), state("counted_state", "counted")),
		},
		{
			ID: "repeat_exact", Dashboard: Store, Chart: Line, Title: "Returning visitors, exact",
			Question: "How many visitors had come on one of the 7, 14 or 28 days before? Only for stores whose operator has recorded a legal basis for remembering visitors for four weeks (policy extended); elsewhere it reads \"not available: policy\". Whole percent, from rounded counts, from 10 distinct visitors." + stableNote,
			Empty:    "No week has been published in this range. A week appears when its last day is closed: choose a range of two weeks or more.",
			Columns: columns(week(), storeName(), value("repeat_7d_pct", "7 days", Percent), state("repeat_7d_state", "repeat_7d_pct"),
				value("repeat_14d_pct", "14 days", Percent), state("repeat_14d_state", "repeat_14d_pct"), value("repeat_28d_pct", "28 days", Percent), state("repeat_28d_state", "repeat_28d_pct")),
		},
		{
			ID: "days", Dashboard: Store, Chart: Grid, Title: "All daily numbers",
			Question: "What is published of each day? Everything, as it stands; a number that is missing says why. A day marked final will not change." + roundedNote,
			Empty:    noDays,
			Columns: columns(day(), storeName(), value("visits", "Visits", Visits), state("visits_state", "visits"), value("visitors", "Visitors", People), state("visitors_state", "visitors"),
				value("bounces", "Short stays", Visits), state("bounces_state", "bounces"), value("passers_by", "Passers-by", People), state("passers_by_state", "passers_by"),
				value("capture_rate_pct", "Capture rate", Percent), state("capture_rate_state", "capture_rate_pct"), value("engaged_pct", "Engaged", Percent), state("engaged_state", "engaged_pct"),
				value("dwell_p50_min", "Median stay", Minutes), Column{"dwell_p25_min", "Lower quartile", Minutes, Low, "dwell_p50_min"},
				Column{"dwell_p75_min", "Upper quartile", Minutes, High, "dwell_p50_min"}, state("dwell_state", "dwell_p50_min"), estimated(),
				value("coverage_pct", "Coverage", Percent), state("coverage_state", "coverage_pct"), value("random_share_pct", "Random share", Percent), state("random_share_state", "random_share_pct"),
				detail("sealed", "Final", None)),
		},
	}
}
