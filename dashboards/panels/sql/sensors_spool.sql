-- What a sensor holds because it is not sent yet, and how old the oldest of it was.
-- Of more than twenty sensors, the twenty that held most.
SELECT toStartOfInterval(start, toIntervalSecond(greatest($__interval_s, 300))) AS time, store, sensor,
    max(s.spool_bytes) AS spool_bytes,
    max(if(s.spool_oldest IS NULL, 0, greatest(dateDiff('second', s.spool_oldest, s.start), 0))) AS oldest_s,
    max(s.spool_lost) AS messages_lost,
    max(s.kernel_dropped) AS frames_missed
FROM pub_sensor_5min AS s FINAL
WHERE (store, sensor) IN
    (
        SELECT store, sensor
        FROM pub_sensor_5min FINAL
        WHERE store IN (${store:singlequote}) AND $__timeFilter(start)
        GROUP BY store, sensor
        ORDER BY max(spool_bytes) DESC, store, sensor
        LIMIT 20
    ) AND $__timeFilter(start)
GROUP BY time, store, sensor
ORDER BY time, store, sensor
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
