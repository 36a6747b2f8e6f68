-- Medians over the range's store-days of what does not depend on a store's size.
SELECT store,
    if(countIf(capture_rate_state = 'value') > 0, quantileExactIf(0.5)(ifNull(d.capture_rate_pct, 0), capture_rate_state = 'value'), NULL) AS capture_rate_pct,
    multiIf(countIf(capture_rate_state = 'value') > 0, 'value', countIf(capture_rate_state = 'under_10') > 0, 'under_10', countIf(capture_rate_state = 'policy') > 0, 'policy', 'no_data') AS capture_state,
    if(countIf(engaged_state = 'value') > 0, quantileExactIf(0.5)(ifNull(d.engaged_pct, 0), engaged_state = 'value'), NULL) AS engaged_pct,
    multiIf(countIf(engaged_state = 'value') > 0, 'value', countIf(engaged_state = 'under_10') > 0, 'under_10', countIf(engaged_state = 'policy') > 0, 'policy', 'no_data') AS engaged_shown,
    if(countIf(dwell_state = 'value') > 0, quantileExactIf(0.5)(ifNull(d.dwell_p50_min, 0), dwell_state = 'value'), NULL) AS dwell_min,
    multiIf(countIf(dwell_state = 'value') > 0, 'value', countIf(dwell_state = 'under_10') > 0, 'under_10', countIf(dwell_state = 'policy') > 0, 'policy', 'no_data') AS dwell_shown,
    count() AS days
FROM pub_store_day AS d FINAL
WHERE store IN (${store:singlequote}) AND $__dateFilter(store_day)
GROUP BY store
ORDER BY capture_rate_pct DESC NULLS LAST, store
SETTINGS optimize_move_to_prewhere_if_final = 1
