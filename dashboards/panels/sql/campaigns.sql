-- What promotions of the range did to the estimated visits, as it was last computed; one of all stores is there once for each store.
SELECT toDateTime(a.first_day, 'UTC') AS time, a.of AS store, a.title AS campaign,
    e.effect_pct AS effect_pct, e.low_pct AS effect_low_pct, e.high_pct AS effect_high_pct,
    if(e.annotation = '', 'no_data', e.state) AS effect_state,
    if(e.annotation = '', 'It is not computed yet: footfall serve does it within the hour, footfall effect -all does it now.', e.reason) AS reason,
    multiIf(e.annotation = '', '', e.method = 'stores_without', 'stores without it', 'the weeks before') AS against,
    toDateTime(a.last_day, 'UTC') AS last_day,
    e.days_during AS days_during, e.weeks AS weeks_before, e.others AS other_stores
FROM
(
    SELECT annotation, title, first_day, last_day, arrayJoin(if(store = '', [${store:singlequote}], [toString(store)])) AS of
    FROM pub_annotations FINAL
    WHERE NOT removed AND kind = 'promotion' AND (store = '' OR store IN (${store:singlequote}))
        AND first_day <= toDate($__toTime, 'UTC') AND last_day >= toDate($__fromTime, 'UTC')
) AS a
LEFT JOIN
(
    SELECT * FROM pub_effects FINAL WHERE store IN (${store:singlequote})
) AS e ON e.annotation = a.annotation AND e.store = a.of
WHERE a.of != ''
ORDER BY time, campaign, store
SETTINGS optimize_move_to_prewhere_if_final = 1
