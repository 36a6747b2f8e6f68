-- The quarters of an hour of each store's newest open store-day in the range, on the store's clock. Closed ones are left out. The bound
-- on start is there for speed: it is taken before the versions of a quarter are told apart.
WITH newest AS
(
    SELECT store, max(store_day) AS day
    FROM pub_store_hour FINAL
    WHERE store IN (${store:singlequote}) AND visits_state != 'closed'
        AND {store_days}
    GROUP BY store
)
SELECT store,
    concat(leftPad(toString(local_hour), 2, '0'), ':', leftPad(toString(local_minute), 2, '0')) AS clock,
    occupancy, occupancy_low, occupancy_high, occupancy_state,
    toDateTime(store_day, 'UTC') AS day
FROM pub_store_quarter FINAL
WHERE start >= (SELECT toDateTime(min(day), 'UTC') - INTERVAL 1 DAY FROM newest)
    AND store IN (${store:singlequote}) AND occupancy_state != 'closed'
    AND store_day >= toDate($__fromTime, 'UTC') AND store_day <= toDate($__toTime, 'UTC') + 1
    AND (store, store_day) IN (SELECT store, day FROM newest)
ORDER BY store, start
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
