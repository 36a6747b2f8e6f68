-- Visits / (visits + bounces + passers-by) of stable devices, by store-day, with the counts it comes from.
SELECT toDateTime(store_day, 'UTC') AS time, store,
    capture_rate_pct, capture_rate_state, visits, visits_state, bounces, bounces_state, passers_by, passers_by_state
FROM pub_store_day FINAL
WHERE store IN (${store:singlequote}) AND $__dateFilter(store_day)
ORDER BY time, store
SETTINGS optimize_move_to_prewhere_if_final = 1
