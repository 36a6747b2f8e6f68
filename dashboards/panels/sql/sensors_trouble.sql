-- What did not work as configured: since when, until when, and in how many steps of five minutes.
SELECT store, sensor, kind, what, min(start) AS first_seen, max(start) AS last_seen, 5 * count() AS minutes
FROM pub_sensor_5min FINAL
ARRAY JOIN ['only counts', 'trouble'] AS kind, [fail_closed, trouble] AS what
WHERE store IN (${store:singlequote}) AND $__timeFilter(start) AND what != ''
GROUP BY store, sensor, kind, what
ORDER BY last_seen DESC, store, sensor, kind
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
