-- Probe requests that a sensor heard in a step, from its totals since it started; a total that fell is a new start. A sensor that
-- listens and hears nothing stands in an empty store or has lost its ears; one that does not listen is silent. Steps of which no
-- heartbeat told have no totals.
-- Of more than twenty sensors, the twenty that listened least.
SELECT toStartOfInterval(start, toIntervalSecond(greatest($__interval_s, 300))) AS time, store, sensor,
    sum(multiIf(before_start = toDateTime(0), toUInt64(0), total >= before, toUInt64(total - before), total)) AS probes,
    sum(seconds) AS listened_s,
    multiIf(listened_s = 0, 'not listening', countIf(known > 0 AND before_start != toDateTime(0)) = 0, 'listening', probes = 0, 'listening, nothing heard', 'listening and hearing') AS reading
FROM
(
    SELECT store, sensor, start, listened_s AS seconds, arraySum(mapValues(channels)) AS total, length(channels) AS known,
        lagInFrame(total) OVER w AS before,
        lagInFrame(start) OVER w AS before_start
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
    WINDOW w AS (PARTITION BY store, sensor, notEmpty(channels) ORDER BY start ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
)
GROUP BY time, store, sensor
ORDER BY time, store, sensor
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
