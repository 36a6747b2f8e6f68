-- Transactions / estimated visits by hour of the store's clock, over the range: the sums of the hours that have both. Hours that read
-- "under 10" are left out on both sides. Hours in which the store was always closed are left out. An hour that comes twice, on the
-- day on which clocks go back, has two rows in either table. The hash is there for speed: joins by one number are three times as fast.
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
        sumIf(t.sold, v.state = 'value' AND t.rung) AS total,
        sumIf(v.visits, v.state = 'value' AND t.rung) AS total_visits,
        sumIf(v.low, v.state = 'value' AND t.rung) AS total_low,
        sumIf(v.high, v.state = 'value' AND t.rung) AS total_high,
        uniqExactIf(v.store_day, v.state = 'value' AND t.rung) AS shown,
        uniqExactIf(v.store_day, v.state = 'under_10' AND t.rung) AS hidden,
        uniqExactIf(v.store_day, v.state = 'policy' AND t.rung) AS policy
    FROM
    (
        SELECT cityHash64(store, start) AS hour, store, store_day, local_hour, estimated_state AS state,
            ifNull(estimated_visits, 0) AS visits, ifNull(estimated_low, 0) AS low, ifNull(estimated_high, 0) AS high
        FROM pub_store_hour FINAL
        WHERE store IN (${store:singlequote}) AND {store_days} AND state != 'closed'
            AND store IN (SELECT DISTINCT store FROM pub_transactions WHERE store IN (${store:singlequote}) AND {store_days})
    ) AS v
    ANY LEFT JOIN
    (
        SELECT cityHash64(store, start) AS hour, transactions AS sold, true AS rung
        FROM pub_transactions FINAL
        WHERE store IN (${store:singlequote}) AND {store_days}
    ) AS t ON t.hour = v.hour
    GROUP BY store, local_hour
)
ORDER BY store, local_hour < 4, local_hour
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
