-- How each sensor did by its newest heartbeat of the range. A row of which no heartbeat told has its start for a capture time and no drops.
SELECT store, sensor, any(s.zone) AS zone,
    max(s.last_capture) AS last_heard,
    greatest(dateDiff('second', last_heard, $__toTime), 0) AS silent_s,
    argMax(s.listened_s, s.start) AS listened_s,
    argMaxIf(s.fail_closed, s.start, notEmpty(s.drops) OR s.last_capture != s.start) AS fail_closed,
    argMaxIf(s.trouble, s.start, notEmpty(s.drops) OR s.last_capture != s.start) AS trouble,
    argMaxIf(s.optout_version, s.start, notEmpty(s.drops) OR s.last_capture != s.start) AS optout_version,
    argMaxIf(s.spool_bytes, s.start, notEmpty(s.drops) OR s.last_capture != s.start) AS spool_bytes
FROM pub_sensor_5min AS s FINAL
WHERE store IN (${store:singlequote}) AND $__timeFilter(s.start)
GROUP BY store, sensor
ORDER BY silent_s DESC, store, sensor
