-- Hours whose estimated visits lie far from the median of the same hour and weekday in the eight weeks before, of at least four: by
-- a robust z over 3.5 (Iglewicz and Hoaglin 1993), or silent, which is "under 10" where 20 or more are usual. The deviation is 1.4826
-- times the median absolute deviation, and no less than what chance and rounding alone make, and than 15 % of the median: that of four
-- rounded numbers may be nought. An hour that reads "under 10" counts as 5.
-- For speed: the rows of an hour and weekday come together once, and only those that lie far enough from the least or the greatest of
-- them to lie so far from any median are looked at one by one.
SELECT store, toDateTime(day, 'UTC') AS time,
    concat(leftPad(toString(local_hour), 2, '0'), ':00') AS clock,
    if(state = 'value', toInt32(x), NULL) AS estimated_visits,
    state AS estimated_state,
    if(middle >= 10, round(middle), NULL) AS typical_visits,
    if(middle >= 10, 'value', 'under_10') AS typical_state,
    multiIf(silent, 'silent', x > middle, 'busier than usual', 'quieter than usual') AS reading,
    round(z, 1) AS score,
    length(before) AS weeks
FROM
(
    SELECT store, local_hour, days[i] AS day, counts[i] AS x, starts[i] AS start, if(known[i], 'value', 'under_10') AS state,
        arrayFilter((v, d) -> d BETWEEN day - 56 AND day - 7, counts, days) AS before,
        arrayReduce('quantileExactInclusive(0.5)', before) AS middle,
        arrayReduce('quantileExactInclusive(0.5)', arrayMap(v -> abs(v - middle), before)) AS spread,
        abs(x - middle) / greatest(1.4826 * spread, sqrt(middle + 6.25), 0.15 * middle) AS z,
        state = 'under_10' AND middle >= 20 AS silent
    FROM
    (
        SELECT store, local_hour, groupArray(store_day) AS days, groupArray(counted) AS counts, groupArray(start) AS starts,
            groupArray(is_known) AS known, groupArray(is_shown) AS shown, min(counted) AS least, max(counted) AS most,
            least + 3.5 * greatest(sqrt(least + 6.25), 0.15 * least) AS busy,
            most - 3.5 * greatest(sqrt(most + 6.25), 0.15 * most) AS quiet,
            arrayFilter(n -> shown[n] AND (counts[n] > busy OR counts[n] < quiet OR NOT known[n] AND most >= 20), arrayEnumerate(days)) AS looked_at
        FROM
        (
            SELECT store, weekday, local_hour, store_day, start, estimated_state = 'value' AS is_known, toFloat64(ifNull(estimated_visits, 5)) AS counted, {store_days} AS is_shown
            FROM pub_store_hour FINAL
            WHERE store IN (${store:singlequote})
                AND store_day >= {from_day} - 57 AND store_day <= toDate($__toTime, 'UTC') + 1
                AND estimated_state IN ('value', 'under_10')
        )
        GROUP BY store, weekday, local_hour
    )
    ARRAY JOIN looked_at AS i
)
WHERE length(before) >= 4 AND (z > 3.5 OR silent)
ORDER BY store, start
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
