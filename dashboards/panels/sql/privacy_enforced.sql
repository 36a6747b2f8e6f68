-- How many sensors enforce the newest opt-out list, and how long ago the one was confirmed where that is longest ago. Rows of sensors
-- that are gone from stores.yaml are written no more, and left out.
SELECT 'these stores' AS scope,
    maxIf(value, measure = 'optout_list') AS newest_version,
    if(countIf(measure = 'optout_list' AND state = 'ok') > 0, 'of the registry', 'of the sensors: the registry is in another program') AS newest_by,
    countIf(measure = 'optout' AND state = 'ok') AS enforcing,
    countIf(measure = 'optout') AS sensors,
    if(countIf(measure = 'optout' AND at IS NOT NULL) > 0, greatest(maxIf(dateDiff('second', assumeNotNull(at), checked_at), measure = 'optout' AND at IS NOT NULL), 0), NULL) AS oldest_s,
    countIf(measure = 'optout' AND state = 'behind') AS behind,
    countIf(measure = 'optout' AND state = 'other_key') AS other_key,
    countIf(measure = 'optout' AND state = 'unconfirmed') AS unconfirmed,
    countIf(measure = 'optout' AND state = 'silent') AS silent,
    countIf(measure = 'optout' AND state = 'no_data') AS never_heard,
    max(checked_at) AS checked
FROM
(
    SELECT *, max(checked_at) OVER () AS last_check
    FROM pub_privacy FINAL
    WHERE (measure = 'optout' AND store IN (${store:singlequote}) OR measure = 'optout_list') AND $__timeFilter(checked_at)
)
WHERE checked_at >= last_check - 3600
HAVING sensors > 0
ORDER BY scope
SETTINGS optimize_move_to_prewhere_if_final = 1
