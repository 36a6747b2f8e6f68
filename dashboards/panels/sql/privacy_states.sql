-- The hourly cells of a store-day by what they read.
SELECT toDateTime(h.store_day, 'UTC') AS time,
    countIf(h.visits_state = 'value') AS numbers,
    countIf(h.visits_state = 'under_10') AS under_10,
    countIf(h.visits_state = 'no_data') AS no_data,
    countIf(h.visits_state = 'policy') AS policy,
    countIf(h.visits_state = 'closed') AS closed
FROM pub_store_hour AS h FINAL
WHERE store IN (${store:singlequote}) AND {store_days}
GROUP BY h.store_day
ORDER BY time
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
