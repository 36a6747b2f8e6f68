-- Probe requests by channel over the range, from the totals since a sensor started; a total that fell is a new start.
-- Of more than twenty sensors, the twenty that listened least.
SELECT store, sensor,
    if(mhz = 0, 'unknown', concat(toString(mhz), ' MHz')) AS channel,
    probes
FROM
(
    SELECT store, sensor, sumMap(delta) AS sums
    FROM
    (
        SELECT store, sensor,
            mapApply((k, v) -> (k, multiIf(before_start = toDateTime(0), toUInt64(0), v >= before[k], toUInt64(v - before[k]), v)), now_total) AS delta
        FROM
        (
            SELECT store, sensor, channels AS now_total,
                lagInFrame(channels) OVER w AS before,
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
                ) AND $__timeFilter(start) AND notEmpty(channels) -- else no heartbeat told of them
            WINDOW w AS (PARTITION BY store, sensor ORDER BY start ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
        )
    )
    GROUP BY store, sensor
)
ARRAY JOIN mapKeys(sums) AS mhz, mapValues(sums) AS probes
ORDER BY store, sensor, mhz
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
