-- Shares of new and returning visitors by store-week, with intervals, how far they look back, and the median coverage of the days.
WITH coverage AS
(
    SELECT store, store_week,
        countIf(coverage_state = 'value') AS days_behind,
        quantileExactIf(0.5)(ifNull(coverage_pct, 0), coverage_state = 'value') AS middle
    FROM pub_store_day FINAL
    WHERE store IN (${store:singlequote})
        AND store_day >= toMonday(toDate($__fromTime, 'UTC')) AND store_day <= toDate($__toTime, 'UTC') + 7
    GROUP BY store, store_week
)
SELECT toDateTime(w.store_week, 'UTC') AS time, w.store AS store,
    new_pct, new_low_pct, new_high_pct, if(w.state = 'value' AND new_pct IS NULL, 'no_data', w.state) AS new_state,
    repeat_1w_pct, repeat_1w_low_pct, repeat_1w_high_pct, if(w.state = 'value' AND repeat_1w_pct IS NULL, 'no_data', w.state) AS repeat_1w_state,
    repeat_4w_pct, repeat_4w_low_pct, repeat_4w_high_pct, if(w.state = 'value' AND repeat_4w_pct IS NULL, 'no_data', w.state) AS repeat_4w_state,
    visitors, visitors_state, lookback_weeks,
    if(c.days_behind > 0, c.middle, NULL) AS coverage_pct,
    if(c.days_behind > 0, 'value', 'no_data') AS coverage_state
FROM pub_store_week AS w FINAL
LEFT JOIN coverage AS c ON c.store = w.store AND c.store_week = w.store_week
WHERE w.store IN (${store:singlequote})
    AND w.store_week >= toMonday(toDate($__fromTime, 'UTC')) AND w.store_week <= toDate($__toTime, 'UTC')
ORDER BY time, store
SETTINGS optimize_move_to_prewhere_if_final = 1
