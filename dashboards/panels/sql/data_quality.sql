-- What stands behind a store-day's numbers: the share of random addresses, the coverage, and how long nobody listened while the store was open.
WITH gaps AS
(
    SELECT store, store_day,
        15 * countIf(occupancy_state = 'no_data') AS gap,
        15 * countIf(occupancy_state != 'closed') AS open
    FROM pub_store_quarter FINAL
    WHERE store IN (${store:singlequote}) AND $__dateFilter(store_day)
    GROUP BY store, store_day
)
SELECT toDateTime(d.store_day, 'UTC') AS time, d.store AS store,
    random_share_pct, random_share_state,
    coverage_pct, coverage_state,
    g.gap AS gap_min,
    g.open AS open_min
FROM pub_store_day AS d FINAL
LEFT JOIN gaps AS g ON g.store = d.store AND g.store_day = d.store_day
WHERE d.store IN (${store:singlequote}) AND $__dateFilter(d.store_day)
ORDER BY time, store
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
