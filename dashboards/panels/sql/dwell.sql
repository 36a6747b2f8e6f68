-- Median and quartiles of the length of visits of stable devices, by store-day.
SELECT toDateTime(store_day, 'UTC') AS time, store, dwell_p50_min, dwell_p25_min, dwell_p75_min, dwell_state
FROM pub_store_day FINAL
WHERE store IN (${store:singlequote}) AND $__dateFilter(store_day)
ORDER BY time, store
SETTINGS optimize_move_to_prewhere_if_final = 1
