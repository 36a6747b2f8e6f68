-- Median of the estimated visits of a weekday's hour over the range. An hour that reads "under 10" ranks below every number.
-- Hours in which the store was always closed are left out.
-- Those are left out first: by a hash, which is quicker to look for than a name and an hour.
SELECT store,
    ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][weekday] AS day,
    concat(leftPad(toString(local_hour), 2, '0'), ':00') AS hour,
    if(state = 'value', middle, NULL) AS estimated_visits,
    if(measured > 0, if(middle < 10, 'under_10', 'value'), ['policy', 'no_data', 'closed'][reason]) AS state,
    measured AS days
FROM
(
    SELECT store, weekday, local_hour,
        countIf(estimated_state IN ('value', 'under_10')) AS measured,
        min(transform(estimated_state, ['policy', 'no_data'], [1, 2], 3)) AS reason,
        quantileExactIf(0.5)(ifNull(estimated_visits, 0), estimated_state IN ('value', 'under_10')) AS middle
    FROM pub_store_hour FINAL
    WHERE store IN (${store:singlequote}) AND {store_days}
        AND cityHash64(store, local_hour) IN
        (
            SELECT cityHash64(store, local_hour)
            FROM pub_store_hour FINAL
            WHERE store IN (${store:singlequote}) AND {store_days} AND estimated_state != 'closed'
        )
    GROUP BY store, weekday, local_hour
)
ORDER BY store, weekday, local_hour < 4, local_hour
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
