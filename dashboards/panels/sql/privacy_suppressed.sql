-- Share of the published hourly cells with something to show that read "under 10", by store-day.
SELECT toDateTime(h.store_day, 'UTC') AS time,
    if(countIf(h.visits_state IN ('value', 'under_10')) > 0,
        round(100 * countIf(h.visits_state = 'under_10') / countIf(h.visits_state IN ('value', 'under_10'))), NULL) AS suppressed_pct,
    if(suppressed_pct IS NULL, 'no_data', 'value') AS suppressed_state,
    countIf(h.visits_state = 'under_10') AS under_10,
    countIf(h.visits_state IN ('value', 'under_10')) AS cells
FROM pub_store_hour AS h FINAL
WHERE store IN (${store:singlequote}) AND {store_days}
GROUP BY h.store_day
ORDER BY time
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
