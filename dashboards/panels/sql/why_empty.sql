-- Which daily numbers are missing, why, and on how many store-days of the range.
SELECT store, number, state, count() AS days, toDateTime(min(store_day), 'UTC') AS first_day, toDateTime(max(store_day), 'UTC') AS last_day
FROM pub_store_day FINAL
ARRAY JOIN
    ['visits', 'estimated visits', 'visitors', 'passers-by', 'capture rate', 'engaged share', 'dwell', 'random share', 'coverage'] AS number,
    [visits_state, estimated_state, visitors_state, passers_by_state, capture_rate_state, engaged_state, dwell_state, random_share_state, coverage_state] AS state
WHERE store IN (${store:singlequote}) AND $__dateFilter(store_day) AND state != 'value'
GROUP BY store, number, state
ORDER BY store, days DESC, number, state
SETTINGS optimize_move_to_prewhere_if_final = 1
