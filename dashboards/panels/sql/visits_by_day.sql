-- Visits of stable devices and estimated visits of all, by store-day.
SELECT toDateTime(store_day, 'UTC') AS time, store,
    estimated_visits, estimated_low, estimated_high, estimated_state,
    visits, visits_state, sealed
FROM pub_store_day FINAL
WHERE store IN (${store:singlequote}) AND $__dateFilter(store_day)
ORDER BY time, store
SETTINGS optimize_move_to_prewhere_if_final = 1
