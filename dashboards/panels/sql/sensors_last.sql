-- How each sensor did by its newest heartbeat of the range. A row of which no heartbeat told has its start for a capture time and no drops.
-- A sensor of stores.yaml that was not heard of in the range stands there, too: the facts of who enforces which list have a row of it.
-- Rows of sensors that are gone from stores.yaml are written no more, and left out.
SELECT l.store AS store, l.sensor AS sensor, h.in_zone AS zone, p.policy AS policy,
    if(h.heard > 0, h.last, NULL) AS last_heard,
    if(h.heard > 0, greatest(dateDiff('second', h.last, $__toTime), 0), NULL) AS silent_s,
    if(h.heard > 0, 'value', 'no_data') AS silent_state,
    if(h.heard > 0, h.listened, NULL) AS listened_s,
    multiIf(h.told = 0, 'not said', empty(h.clocks), 'good',
        transform(h.clocks[1], ['clock_unsynchronised', 'clock_jumped', 'clock_before_keys', 'clock_too_far', 'clock_unconfirmed', 'clock_disagrees'],
            ['not synchronised', 'jumped by more than two days', 'before the day of its keys', 'too far ahead of its keys', 'not confirmed by Kafka', 'differs from that of Kafka'],
            h.clocks[1])) AS clock,
    h.counts_only AS fail_closed,
    h.ails AS trouble,
    if(h.told > 0, h.list, NULL) AS optout_version,
    if(h.told > 0, h.held, NULL) AS spool_bytes
FROM
(
    SELECT store, sensor
    FROM pub_sensor_5min FINAL
    WHERE store IN (${store:singlequote}) AND $__timeFilter(start)
    UNION DISTINCT
    SELECT store, item AS sensor
    FROM
    (
        SELECT store, item, checked_at, max(checked_at) OVER () AS last_check
        FROM pub_privacy FINAL
        WHERE measure = 'optout' AND store IN (${store:singlequote}) AND $__timeFilter(checked_at)
    )
    WHERE checked_at >= last_check - 3600
) AS l
LEFT JOIN
(
    SELECT store, sensor, any(zone) AS in_zone, count() AS heard, countIf(notEmpty(drops) OR last_capture != start) AS told,
        max(last_capture) AS last,
        argMax(listened_s, start) AS listened,
        argMaxIf(fail_closed, start, notEmpty(drops) OR last_capture != start) AS counts_only,
        argMaxIf(trouble, start, notEmpty(drops) OR last_capture != start) AS ails,
        arrayFilter(word -> startsWith(word, 'clock_'), splitByString(', ', toString(ails))) AS clocks,
        argMaxIf(optout_version, start, notEmpty(drops) OR last_capture != start) AS list,
        argMaxIf(spool_bytes, start, notEmpty(drops) OR last_capture != start) AS held
    FROM pub_sensor_5min FINAL
    WHERE store IN (${store:singlequote}) AND $__timeFilter(start)
    GROUP BY store, sensor
) AS h ON h.store = l.store AND h.sensor = l.sensor
LEFT JOIN (SELECT store, policy FROM pub_stores FINAL) AS p ON p.store = l.store
ORDER BY silent_s DESC NULLS FIRST, store, sensor
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
