-- Share of a step's time in which a sensor listened. A step is at least five minutes; one without a row is a sensor that said nothing.
-- Of more than twenty sensors, the twenty that listened least.
SELECT toStartOfInterval(start, toIntervalSecond(greatest($__interval_s, 300))) AS time, store, sensor,
    least(round(100 * sum(listened_s) / greatest($__interval_s, 300)), 100) AS listened_pct
FROM pub_sensor_5min FINAL
WHERE (store, sensor) IN
    (
        SELECT store, sensor
        FROM pub_sensor_5min FINAL
        WHERE store IN (${store:singlequote}) AND $__timeFilter(start)
        GROUP BY store, sensor
        ORDER BY sum(listened_s), store, sensor
        LIMIT 20
    ) AND $__timeFilter(start)
GROUP BY time, store, sensor
ORDER BY time, store, sensor
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
