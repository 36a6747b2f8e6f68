-- Forgets by store-day: how many ids the sealed day was told to forget, never how many of them it had held.
SELECT toDateTime(assumeNotNull(day), 'UTC') AS time, sum(assumeNotNull(value)) AS forgets, uniqExact(store) AS stores
FROM pub_privacy FINAL
WHERE measure = 'erasures' AND store IN (${store:singlequote}) AND $__dateFilter(day)
GROUP BY time
ORDER BY time
SETTINGS optimize_move_to_prewhere_if_final = 1
