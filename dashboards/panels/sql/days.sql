-- Everything that is published of a store-day.
SELECT toDateTime(store_day, 'UTC') AS time, store, visits, visits_state, visitors, visitors_state, bounces, bounces_state, passers_by, passers_by_state,
    capture_rate_pct, capture_rate_state, engaged_pct, engaged_state, dwell_p50_min, dwell_p25_min, dwell_p75_min, dwell_state,
    estimated_visits, estimated_low, estimated_high, estimated_state, coverage_pct, coverage_state, random_share_pct, random_share_state, sealed
FROM pub_store_day FINAL
WHERE store IN (${store:singlequote}) AND $__dateFilter(store_day)
ORDER BY time, store
SETTINGS optimize_move_to_prewhere_if_final = 1
