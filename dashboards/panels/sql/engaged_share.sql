-- Visits of 15 minutes or more / visits of stable devices, by store-day.
SELECT toDateTime(store_day, 'UTC') AS time, store, engaged_pct, engaged_state
FROM pub_store_day FINAL
WHERE store IN (${store:singlequote}) AND $__dateFilter(store_day)
ORDER BY time, store
SETTINGS optimize_move_to_prewhere_if_final = 1
