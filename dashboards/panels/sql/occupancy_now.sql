-- The five minutes that go on at the end of the range, where sensors are live; else the newest quarter of an hour that has begun by
-- then, within the range's last two days.
SELECT store, time, clock, occupancy, occupancy_low, occupancy_high, occupancy_state, span
FROM
(
    SELECT store,
        start AS time,
        concat(leftPad(toString(local_hour), 2, '0'), ':', leftPad(toString(local_minute), 2, '0')) AS clock,
        occupancy, occupancy_low, occupancy_high, occupancy_state,
        '5 minutes' AS span, 1 AS live
    FROM pub_store_live FINAL
    WHERE store IN (${store:singlequote})
        AND $__timeFilter(start)
        AND start > $__toTime - INTERVAL 15 MINUTE
    UNION ALL
    SELECT store,
        start AS time,
        concat(leftPad(toString(local_hour), 2, '0'), ':', leftPad(toString(local_minute), 2, '0')) AS clock,
        occupancy, occupancy_low, occupancy_high,
        if(occupancy_state = 'under_10', 'quiet', occupancy_state) AS occupancy_state,
        '15 minutes' AS span, 0 AS live
    FROM pub_store_quarter FINAL
    WHERE store IN (${store:singlequote})
        AND $__timeFilter(start)
        AND start > $__toTime - INTERVAL 2 DAY
        AND store_day >= toDate($__toTime, 'UTC') - 3
    ORDER BY store, start DESC
    LIMIT 1 BY store
)
ORDER BY store, live DESC, time DESC
LIMIT 1 BY store
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
