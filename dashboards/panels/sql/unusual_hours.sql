-- Hours whose estimated visits lie far from the median of the same hour and weekday in the eight weeks before, of at least four: by
-- a robust z over 3.5 (Iglewicz and Hoaglin 1993), or silent, which is "under 10" where 20 or more are usual. The deviation is 1.4826
-- times the median absolute deviation, and no less than what chance and rounding alone make, and than 15 % of the median: that of four
-- rounded numbers may be nought. An hour that reads "under 10" counts as 5.
SELECT store, toDateTime(store_day, 'UTC') AS time,
    concat(leftPad(toString(local_hour), 2, '0'), ':00') AS clock,
    estimated AS estimated_visits,
    state AS estimated_state,
    if(middle >= 10, round(middle), NULL) AS typical_visits,
    if(middle >= 10, 'value', 'under_10') AS typical_state,
    multiIf(silent, 'silent', x > middle, 'busier than usual', 'quieter than usual') AS reading,
    round(z, 1) AS score,
    length(before) AS weeks
FROM
(
    SELECT *,
        arrayReduce('quantileExactInclusive(0.5)', arrayMap(v -> abs(v - middle), before)) AS spread,
        abs(x - middle) / greatest(1.4826 * spread, least_spread) AS z
    FROM
    (
        SELECT store, store_day, local_hour, start, estimated_visits AS estimated, estimated_state AS state,
            if(estimated_state = 'value', toFloat64(ifNull(estimated_visits, 0)), 5) AS x,
            groupArray(x) OVER w AS before,
            quantileExactInclusive(0.5)(x) OVER w AS middle,
            greatest(sqrt(middle + 6.25), 0.15 * middle) AS least_spread,
            state = 'under_10' AND middle >= 20 AS silent
        FROM pub_store_hour FINAL
        WHERE store IN (${store:singlequote})
            AND store_day >= toDate($__fromTime, 'UTC') - 57 AND store_day <= toDate($__toTime, 'UTC') + 1
            AND estimated_state IN ('value', 'under_10')
        WINDOW w AS (PARTITION BY store, weekday, local_hour ORDER BY toInt32(store_day) RANGE BETWEEN 56 PRECEDING AND 7 PRECEDING)
    )
    WHERE {store_days} AND length(before) >= 4 AND (abs(x - middle) > 3.5 * least_spread OR silent)
)
WHERE z > 3.5 OR silent
ORDER BY store, start
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
