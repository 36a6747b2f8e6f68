-- Estimated visits a store-week by region, and the change from the week before over the stores' weekdays that have a number in both.
SELECT toDateTime(store_week, 'UTC') AS time,
    label AS region,
    if(shown > 0, total, NULL) AS estimated_visits,
    multiIf(shown > 0, 'value', hidden > 0, 'under_10', policy > 0, 'policy', no_data > 0, 'no_data', 'closed') AS estimated_state,
    if(pairs > 0, round(100 * (pair_total - pair_before) / pair_before), NULL) AS change_pct,
    if(change_pct IS NULL, 'no_data', 'value') AS change_state,
    pairs AS days_compared,
    shown AS days_shown,
    stores
FROM
(
    SELECT store_week,
        if(p.region = '', 'no region', p.region) AS label,
        sumIf(d.visits_of, d.state = 'value') AS total,
        countIf(d.state = 'value') AS shown,
        countIf(d.state = 'under_10') AS hidden,
        countIf(d.state = 'policy') AS policy,
        countIf(d.state = 'no_data') AS no_data,
        countIf(d.paired) AS pairs,
        sumIf(d.visits_of, d.paired) AS pair_total,
        sumIf(d.before, d.paired) AS pair_before,
        uniqExact(d.store) AS stores
    FROM
    (
        SELECT store, store_week, estimated_state AS state, ifNull(estimated_visits, 0) AS visits_of,
            lagInFrame(visits_of) OVER w AS before,
            state = 'value' AND lagInFrame(state) OVER w = 'value' AND lagInFrame(store_day) OVER w = store_day - 7 AS paired
        FROM pub_store_day FINAL
        WHERE store IN (${store:singlequote})
            AND store_day >= toMonday({from_day}) - 7 AND store_day <= toDate($__toTime, 'UTC')
        WINDOW w AS (PARTITION BY store, weekday ORDER BY store_day ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
    ) AS d
    LEFT JOIN (SELECT store, region FROM pub_stores FINAL) AS p ON p.store = d.store
    GROUP BY store_week, label
)
WHERE store_week >= toMonday({from_day}) AND (label IN (${region:singlequote}) OR '' IN (${region:singlequote}))
ORDER BY time, region
SETTINGS optimize_move_to_prewhere_if_final = 1
