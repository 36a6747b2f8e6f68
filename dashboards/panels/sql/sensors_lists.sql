-- The opt-out list that each sensor enforces beside the newest that any of them has.
-- The newest row of a sensor and the version of it that stands are found in one pass in the table's order.
SELECT store, sensor, newest.1 AS optout_version, max(optout_version) OVER () AS newest_version, newest_version - optout_version AS behind, seen AS last_seen, newest.2 AS only_counts
FROM
(
    SELECT store, sensor, argMax((optout_version, fail_closed), (start, version)) AS newest, max(start) AS seen
    FROM pub_sensor_5min
    WHERE store IN (${store:singlequote}) AND $__timeFilter(start) AND (notEmpty(drops) OR last_capture != start) -- a heartbeat told of it
    GROUP BY store, sensor
)
ORDER BY behind DESC, store, sensor
SETTINGS optimize_aggregation_in_order = 1
