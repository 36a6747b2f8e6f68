-- Which store-day's keys each sensor has, as it last said. Rows of sensors that are gone from stores.yaml are written no more, and left out.
SELECT store, item AS sensor,
    if(day IS NULL, 'not said', toString(day)) AS keys_of,
    value AS days_old,
    transform(state, ['ok', 'late', 'silent', 'no_data'], ['of its store-day', 'older than its store-day', 'silent: as it last said', 'not said'], state) AS reading,
    at AS said_at,
    checked_at
FROM
(
    SELECT *, max(checked_at) OVER () AS last_check
    FROM pub_privacy FINAL
    WHERE measure = 'keys' AND store IN (${store:singlequote}) AND $__timeFilter(checked_at)
)
WHERE checked_at >= last_check - 3600
ORDER BY transform(state, ['late', 'no_data', 'silent', 'ok'], [0, 1, 2, 3], 4), days_old DESC NULLS LAST, store, sensor
SETTINGS optimize_move_to_prewhere_if_final = 1
