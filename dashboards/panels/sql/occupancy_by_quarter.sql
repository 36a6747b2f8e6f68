-- The quarters of an hour of each store's newest open store-day in the range, on the store's clock. Closed ones are left out.
SELECT store,
    concat(leftPad(toString(local_hour), 2, '0'), ':', leftPad(toString(local_minute), 2, '0')) AS clock,
    occupancy, occupancy_low, occupancy_high, occupancy_state,
    toDateTime(store_day, 'UTC') AS day
FROM pub_store_quarter FINAL
WHERE occupancy_state != 'closed'
    AND store IN (${store:singlequote})
    AND store_day >= toDate($__fromTime, 'UTC') AND store_day <= toDate($__toTime, 'UTC') + 1
    AND (store, store_day) IN
    (
        SELECT store, max(store_day)
        FROM pub_store_hour FINAL
        WHERE store IN (${store:singlequote}) AND visits_state != 'closed'
            AND {store_days}
        GROUP BY store
    )
ORDER BY store, start
SETTINGS do_not_merge_across_partitions_select_final = 1
