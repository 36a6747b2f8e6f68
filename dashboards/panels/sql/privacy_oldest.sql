-- How old the oldest thing is in every place that keeps something of devices, by the newest check of the range.
SELECT kind, store, name,
    state AS proof,
    reason,
    age_s,
    limit_s,
    if(limit_s > 0, round(100 * age_s / limit_s), NULL) AS used_pct,
    oldest,
    checked_at
FROM pub_retention FINAL
WHERE (store IN (${store:singlequote}) OR store = '') AND $__dateFilter(day)
ORDER BY day DESC, transform(proof, ['breach', 'unknown', 'ok'], [0, 1, 2], 3), used_pct DESC NULLS LAST, kind, store, name
LIMIT 1 BY kind, store, name
SETTINGS optimize_move_to_prewhere_if_final = 1
