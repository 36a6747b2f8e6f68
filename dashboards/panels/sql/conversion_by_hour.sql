-- Transactions / estimated visits by hour of the store's clock, over the range: the sums of the hours that have both. Hours that read
-- "under 10" are left out on both sides. Hours in which the store was always closed are left out.
WITH tills AS
(
    SELECT store, store_day, local_hour, sum(transactions) AS sold, count() AS rung
    FROM pub_transactions FINAL
    WHERE store IN (${store:singlequote}) AND {store_days}
    GROUP BY store, store_day, local_hour
),
visits AS
(
    SELECT store, store_day, local_hour,
        sum(ifNull(estimated_visits, 0)) AS visits,
        sum(ifNull(estimated_low, 0)) AS low,
        sum(ifNull(estimated_high, 0)) AS high,
        multiIf(countIf(estimated_state != 'value') = 0, 'value', any(estimated_state) = 'value', 'no_data', any(estimated_state)) AS why
    FROM pub_store_hour FINAL
    WHERE store IN (${store:singlequote}) AND {store_days}
    GROUP BY store, store_day, local_hour
)
SELECT store,
    concat(leftPad(toString(local_hour), 2, '0'), ':00') AS clock,
    if(shown > 0, round(100 * total / total_visits), NULL) AS conversion_pct,
    if(shown > 0, floor(100 * total / total_high), NULL) AS conversion_low_pct,
    if(shown > 0 AND total_low > 0, ceil(100 * total / total_low), NULL) AS conversion_high_pct,
    multiIf(shown > 0, 'value', hidden > 0, 'under_10', policy > 0, 'policy', 'no_data') AS conversion_state,
    if(shown > 0, total, NULL) AS transactions,
    shown AS days_shown,
    hidden AS days_under_10
FROM
(
    SELECT v.store AS store, v.local_hour AS local_hour,
        sumIf(t.sold, v.why = 'value' AND t.rung > 0) AS total,
        sumIf(v.visits, v.why = 'value' AND t.rung > 0) AS total_visits,
        sumIf(v.low, v.why = 'value' AND t.rung > 0) AS total_low,
        sumIf(v.high, v.why = 'value' AND t.rung > 0) AS total_high,
        countIf(v.why = 'value' AND t.rung > 0) AS shown,
        countIf(v.why = 'under_10' AND t.rung > 0) AS hidden,
        countIf(v.why = 'policy' AND t.rung > 0) AS policy
    FROM visits AS v
    LEFT JOIN tills AS t ON t.store = v.store AND t.store_day = v.store_day AND t.local_hour = v.local_hour
    WHERE v.store IN (SELECT store FROM tills)
    GROUP BY v.store, v.local_hour
    HAVING countIf(v.why != 'closed') > 0
)
ORDER BY store, local_hour < 4, local_hour
SETTINGS do_not_merge_across_partitions_select_final = 1
