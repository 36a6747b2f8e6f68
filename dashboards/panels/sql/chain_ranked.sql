-- The stores by the sum of their daily estimated visits over the range, with their names for people. The ends of the intervals are added,
-- too, which makes the sum's wider than 95 %.
SELECT toString(multiIf(p.called = '', s.store, p.alike > 1, concat(p.called, ' (', s.store, ')'), p.called)) AS name,
    s.store AS store,
    if(shown > 0, total, NULL) AS estimated_visits,
    if(shown > 0, total_low, NULL) AS estimated_low,
    if(shown > 0, total_high, NULL) AS estimated_high,
    multiIf(shown > 0, 'value', hidden > 0, 'under_10', policy > 0, 'policy', no_data > 0, 'no_data', 'closed') AS estimated_state,
    if(visits_shown > 0, visits_total, NULL) AS visits,
    multiIf(visits_shown > 0, 'value', visits_hidden > 0, 'under_10', policy > 0, 'policy', no_data > 0, 'no_data', 'closed') AS visits_state,
    shown AS days_shown,
    hidden AS days_under_10,
    no_data AS days_no_data
FROM
(
    SELECT store,
        sumIf(ifNull(estimated_visits, 0), estimated_state = 'value') AS total,
        sumIf(ifNull(estimated_low, 0), estimated_state = 'value') AS total_low,
        sumIf(ifNull(estimated_high, 0), estimated_state = 'value') AS total_high,
        sumIf(ifNull(visits, 0), visits_state = 'value') AS visits_total,
        countIf(estimated_state = 'value') AS shown,
        countIf(estimated_state = 'under_10') AS hidden,
        countIf(visits_state = 'value') AS visits_shown,
        countIf(visits_state = 'under_10') AS visits_hidden,
        countIf(visits_state = 'policy') AS policy,
        countIf(visits_state = 'no_data') AS no_data
    FROM pub_store_day FINAL
    WHERE store IN (${store:singlequote}) AND $__dateFilter(store_day)
    GROUP BY store
) AS s
LEFT JOIN (SELECT store, name AS called, count() OVER (PARTITION BY name) AS alike FROM pub_stores FINAL) AS p ON p.store = s.store
ORDER BY estimated_visits DESC NULLS LAST, store
SETTINGS optimize_move_to_prewhere_if_final = 1
