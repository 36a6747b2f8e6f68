-- The regions by the sum of their stores' daily estimated visits over the range. Stores without a region are one of their own. The ends
-- of the intervals are added, too, which makes the sum's wider than 95 %.
SELECT label AS region,
    if(shown > 0, total, NULL) AS estimated_visits,
    if(shown > 0, total_low, NULL) AS estimated_low,
    if(shown > 0, total_high, NULL) AS estimated_high,
    multiIf(shown > 0, 'value', hidden > 0, 'under_10', policy > 0, 'policy', no_data > 0, 'no_data', 'closed') AS estimated_state,
    if(shown > 0, round(total / shown), NULL) AS per_store_day,
    stores,
    shown AS days_shown,
    hidden AS days_under_10,
    no_data AS days_no_data
FROM
(
    SELECT if(p.region = '', 'no region', p.region) AS label,
        sumIf(ifNull(d.estimated_visits, 0), d.estimated_state = 'value') AS total,
        sumIf(ifNull(d.estimated_low, 0), d.estimated_state = 'value') AS total_low,
        sumIf(ifNull(d.estimated_high, 0), d.estimated_state = 'value') AS total_high,
        uniqExact(d.store) AS stores,
        countIf(d.estimated_state = 'value') AS shown,
        countIf(d.estimated_state = 'under_10') AS hidden,
        countIf(d.estimated_state = 'policy') AS policy,
        countIf(d.estimated_state = 'no_data') AS no_data
    FROM pub_store_day AS d FINAL
    LEFT JOIN (SELECT store, region FROM pub_stores FINAL) AS p ON p.store = d.store
    WHERE d.store IN (${store:singlequote}) AND $__dateFilter(d.store_day)
    GROUP BY label
)
WHERE label IN (${region:singlequote}) OR '' IN (${region:singlequote})
ORDER BY estimated_visits DESC NULLS LAST, region
SETTINGS optimize_move_to_prewhere_if_final = 1
