-- Transactions / estimated visits by store-day, of the stores that have transactions in the range. The ends are transactions / the ends of
-- the estimate, rounded outward; where the estimate begins at 0 there is no upper one. Transactions of hours in which no sensor listened
-- are left out, as the visits of these hours are.
WITH tills AS
(
    SELECT store, store_day, sum(transactions) AS sold, count() AS rung, sumIf(transactions, heard) AS sold_heard, countIf(heard) AS rung_heard
    FROM
    (
        SELECT store, store_day, transactions, (store, start) NOT IN
            (
                SELECT store, start
                FROM pub_store_hour FINAL
                WHERE store IN (${store:singlequote}) AND $__dateFilter(store_day) AND estimated_state = 'no_data'
            ) AS heard
        FROM pub_transactions FINAL
        WHERE store IN (${store:singlequote}) AND $__dateFilter(store_day)
    )
    GROUP BY store, store_day
)
SELECT toDateTime(d.store_day, 'UTC') AS time, d.store AS store,
    if(conversion_state = 'value', round(100 * t.sold_heard / d.estimated_visits), NULL) AS conversion_pct,
    if(conversion_state = 'value', floor(100 * t.sold_heard / d.estimated_high), NULL) AS conversion_low_pct,
    if(conversion_state = 'value' AND d.estimated_low > 0, ceil(100 * t.sold_heard / d.estimated_low), NULL) AS conversion_high_pct,
    multiIf(d.estimated_state = 'closed', 'closed', t.rung_heard = 0, 'no_data', d.estimated_state) AS conversion_state,
    if(t.rung > 0, t.sold, NULL) AS transactions,
    if(t.rung > 0, t.sold - t.sold_heard, NULL) AS transactions_left_out,
    d.estimated_visits AS estimated_visits,
    t.rung AS hours_rung
FROM pub_store_day AS d FINAL
LEFT JOIN tills AS t ON t.store = d.store AND t.store_day = d.store_day
WHERE d.store IN (SELECT store FROM tills) AND $__dateFilter(d.store_day)
ORDER BY time, store
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
