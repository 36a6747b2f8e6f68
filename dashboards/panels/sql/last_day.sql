-- The newest whole store-day of the range that the store was open on, beside the median of the same weekday in the eight weeks before it.
-- A day is whole when each of its hours is over to its last second.
-- A day that reads "under 10" ranks below every number. Fewer than three days make no typical one.
WITH days AS
(
    SELECT store, store_day, visits, visits_state, estimated_visits, estimated_low, estimated_high, estimated_state, sealed,
        maxIf(store_day, visits_state != 'closed') OVER (PARTITION BY store) AS newest
    FROM pub_store_day FINAL
    WHERE store IN (${store:singlequote})
        AND store_day >= toDate($__toTime, 'UTC') - 120 AND store_day <= toDate($__toTime, 'UTC') + 1
        AND (store, store_day) NOT IN
        (
            SELECT store, store_day
            FROM pub_store_hour FINAL
            WHERE store IN (${store:singlequote}) AND start > $__toTime - 3599
                AND store_day >= toDate($__toTime, 'UTC') - 1 AND store_day <= toDate($__toTime, 'UTC') + 1
        )
),
compared AS
(
    SELECT store, newest,
        anyIf(visits, store_day = newest) AS now_visits,
        anyIf(visits_state, store_day = newest) AS now_state,
        anyIf(estimated_visits, store_day = newest) AS now_estimated,
        anyIf(estimated_low, store_day = newest) AS now_low,
        anyIf(estimated_high, store_day = newest) AS now_high,
        anyIf(estimated_state, store_day = newest) AS now_estimated_state,
        anyIf(sealed, store_day = newest) AS now_sealed,
        countIf(store_day < newest AND visits_state IN ('value', 'under_10')) AS days_behind,
        quantileExactIf(0.5)(ifNull(visits, 0), store_day < newest AND visits_state IN ('value', 'under_10')) AS middle
    FROM days
    WHERE store_day = newest OR (store_day >= newest - 56 AND dateDiff('day', store_day, newest) % 7 = 0)
    GROUP BY store, newest
    HAVING newest >= toDate($__fromTime, 'UTC')
)
SELECT store,
    toDateTime(newest, 'UTC') AS time,
    now_visits AS visits,
    now_state AS visits_state,
    if(days_behind >= 3 AND middle >= 10, middle, NULL) AS typical_visits,
    multiIf(days_behind < 3, 'no_data', middle < 10, 'under_10', 'value') AS typical_state,
    days_behind AS typical_days,
    if(now_sealed, round(100 * (visits - typical_visits) / typical_visits), NULL) AS change_pct,
    if(change_pct IS NULL, 'no_data', 'value') AS change_state,
    now_estimated AS estimated_visits,
    now_low AS estimated_low,
    now_high AS estimated_high,
    now_estimated_state AS estimated_state,
    now_sealed AS sealed
FROM compared
ORDER BY store
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
