-- Places by what the daily check could prove of them.
SELECT toDateTime(day, 'UTC') AS time, countIf(state = 'ok') AS ok, countIf(state = 'unknown') AS unknown, countIf(state = 'breach') AS breach
FROM pub_retention FINAL
WHERE (store IN (${store:singlequote}) OR store = '') AND $__dateFilter(day)
GROUP BY day
ORDER BY time
SETTINGS optimize_move_to_prewhere_if_final = 1
