-- Median of the estimated visits of a weekday's hour over the range. An hour that reads "under 10" ranks below every number.
-- Hours in which the store was always closed are left out.
SELECT store,
    ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][weekday] AS day,
    concat(leftPad(toString(local_hour), 2, '0'), ':00') AS hour,
    if(state = 'value', middle, NULL) AS estimated_visits,
    multiIf(measured > 0 AND middle < 10, 'under_10', measured > 0, 'value', policy > 0, 'policy', no_data > 0, 'no_data', 'closed') AS state,
    measured AS days
FROM
(
    SELECT store, weekday, local_hour,
        countIf(estimated_state IN ('value', 'under_10')) AS measured,
        countIf(estimated_state = 'policy') AS policy,
        countIf(estimated_state = 'no_data') AS no_data,
        quantileExactIf(0.5)(ifNull(estimated_visits, 0), estimated_state IN ('value', 'under_10')) AS middle,
        sum(countIf(estimated_state != 'closed')) OVER (PARTITION BY store, local_hour) AS ever_open
    FROM pub_store_hour FINAL
    WHERE store IN (${store:singlequote}) AND {store_days}
    GROUP BY store, weekday, local_hour
)
WHERE ever_open > 0
ORDER BY store, weekday, local_hour < 4, local_hour
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
