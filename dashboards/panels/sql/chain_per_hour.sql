-- Estimated visits of the range's store-days divided by the hours in which the store was open and listened to, of the days that have a
-- number: the hours of a day that reads "under 10", or that is not over yet, would be divided by without their visits.
WITH days AS
(
    SELECT store,
        sumIf(ifNull(estimated_visits, 0), estimated_state = 'value') AS total,
        countIf(estimated_state = 'value') AS shown,
        countIf(estimated_state = 'under_10') AS hidden,
        countIf(estimated_state = 'policy') AS policy,
        countIf(estimated_state = 'no_data') AS no_data
    FROM pub_store_day FINAL
    WHERE store IN (${store:singlequote}) AND $__dateFilter(store_day)
    GROUP BY store
),
hours AS
(
    SELECT store, countIf(estimated_state IN ('value', 'under_10')) AS open
    FROM pub_store_hour FINAL
    WHERE store IN (${store:singlequote}) AND $__dateFilter(store_day)
        AND (store, store_day) IN
        (
            SELECT store, store_day
            FROM pub_store_day FINAL
            WHERE store IN (${store:singlequote}) AND $__dateFilter(store_day) AND estimated_state = 'value'
        )
    GROUP BY store
)
SELECT toString(multiIf(p.called = '', d.store, p.alike > 1, concat(p.called, ' (', d.store, ')'), p.called)) AS name,
    d.store AS store,
    if(d.shown > 0 AND h.open > 0, round(d.total / h.open, 1), NULL) AS per_hour,
    multiIf(d.shown > 0 AND h.open > 0, 'value', d.hidden > 0, 'under_10', d.policy > 0, 'policy', d.no_data > 0 OR d.shown > 0, 'no_data', 'closed') AS per_hour_state,
    h.open AS hours_open,
    d.shown AS days_shown,
    d.hidden AS days_under_10
FROM days AS d
LEFT JOIN hours AS h ON h.store = d.store
LEFT JOIN (SELECT store, name AS called, count() OVER (PARTITION BY name) AS alike FROM pub_stores FINAL) AS p ON p.store = d.store
ORDER BY per_hour DESC NULLS LAST, store
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
