-- Whether the stores can be compared: medians of the random share and the coverage, and store-days without data.
SELECT store,
    if(countIf(coverage_state = 'value') > 0, quantileExactIf(0.5)(ifNull(d.coverage_pct, 0), coverage_state = 'value'), NULL) AS coverage_pct,
    multiIf(countIf(coverage_state = 'value') > 0, 'value', countIf(coverage_state = 'under_10') > 0, 'under_10', countIf(coverage_state = 'policy') > 0, 'policy', 'no_data') AS coverage_shown,
    if(countIf(random_share_state = 'value') > 0, quantileExactIf(0.5)(ifNull(d.random_share_pct, 0), random_share_state = 'value'), NULL) AS random_share_pct,
    multiIf(countIf(random_share_state = 'value') > 0, 'value', countIf(random_share_state = 'under_10') > 0, 'under_10', 'no_data') AS random_share_shown,
    countIf(estimated_state = 'no_data') AS days_no_data,
    countIf(estimated_state != 'closed') AS days_open
FROM pub_store_day AS d FINAL
WHERE store IN (${store:singlequote}) AND $__dateFilter(store_day)
GROUP BY store
ORDER BY days_no_data DESC, store
SETTINGS optimize_move_to_prewhere_if_final = 1
