-- Visits by the zone in which they were first heard: the sum of the hours that show a number, so at least so many.
SELECT store, zone,
    if(shown > 0, total, NULL) AS visits,
    multiIf(shown > 0, 'value', hidden > 0, 'under_10', policy > 0, 'policy', no_data > 0, 'no_data', 'closed') AS visits_state,
    shown AS hours_shown,
    hidden AS hours_under_10
FROM
(
    SELECT store, zone,
        sumIf(ifNull(visits, 0), visits_state = 'value') AS total,
        countIf(visits_state = 'value') AS shown,
        countIf(visits_state = 'under_10') AS hidden,
        countIf(visits_state = 'policy') AS policy,
        countIf(visits_state = 'no_data') AS no_data
    FROM pub_zone_hour FINAL
    WHERE store IN (${store:singlequote}) AND {store_days}
    GROUP BY store, zone
)
ORDER BY store, visits DESC, zone
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
