-- The opt-out list that each sensor enforces beside the newest that any of them has.
SELECT store, sensor, version_of AS optout_version, max(version_of) OVER () AS newest_version, newest_version - optout_version AS behind, seen AS last_seen, only_counts
FROM
(
    SELECT store, sensor, argMax(optout_version, start) AS version_of, max(start) AS seen, argMax(fail_closed, start) AS only_counts
    FROM pub_sensor_5min FINAL
    WHERE store IN (${store:singlequote}) AND $__timeFilter(start) AND (notEmpty(drops) OR last_capture != start) -- a heartbeat told of it
    GROUP BY store, sensor
)
ORDER BY behind DESC, store, sensor
