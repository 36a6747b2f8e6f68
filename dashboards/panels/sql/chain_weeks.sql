-- Estimated visits a store-week and the change from the week before, where as many days of both have a number.
SELECT toDateTime(store_week, 'UTC') AS time, store,
    if(shown > 0, total, NULL) AS estimated_visits,
    multiIf(shown > 0, 'value', hidden > 0, 'under_10', policy > 0, 'policy', no_data > 0, 'no_data', 'closed') AS estimated_state,
    if(shown > 0 AND shown = before_shown AND before_week = store_week - 7, round(100 * (total - before) / before), NULL) AS change_pct,
    if(change_pct IS NULL, 'no_data', 'value') AS change_state,
    shown AS days_shown
FROM
(
    SELECT *,
        lagInFrame(total) OVER w AS before,
        lagInFrame(shown) OVER w AS before_shown,
        lagInFrame(store_week) OVER w AS before_week
    FROM
    (
        SELECT store, store_week,
            sumIf(ifNull(estimated_visits, 0), estimated_state = 'value') AS total,
            countIf(estimated_state = 'value') AS shown,
            countIf(estimated_state = 'under_10') AS hidden,
            countIf(estimated_state = 'policy') AS policy,
            countIf(estimated_state = 'no_data') AS no_data
        FROM pub_store_day FINAL
        WHERE store IN (${store:singlequote})
            AND store_day >= toMonday({from_day}) - 7 AND store_day <= toDate($__toTime, 'UTC')
        GROUP BY store, store_week
    )
    WINDOW w AS (PARTITION BY store ORDER BY store_week ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
)
WHERE store_week >= toMonday({from_day})
ORDER BY time, store
SETTINGS optimize_move_to_prewhere_if_final = 1
