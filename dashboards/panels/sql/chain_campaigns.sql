-- What promotions of the range did to the estimated visits, as it was last computed: of each store its own, and those of all stores once,
-- for all of them together.
WITH chosen AS
(
    SELECT annotation, toString(store) AS of, title, first_day, last_day
    FROM pub_annotations FINAL
    WHERE NOT removed AND kind = 'promotion' AND (store IN (${store:singlequote}) AND store != '' OR store = '' AND [${store:singlequote}] != [''])
        AND first_day <= toDate($__toTime, 'UTC') AND last_day >= toDate($__fromTime, 'UTC')
)
SELECT toDateTime(a.first_day, 'UTC') AS time, a.title AS campaign, if(a.of = '', 'all stores', a.of) AS store,
    e.effect_pct AS effect_pct, e.low_pct AS effect_low_pct, e.high_pct AS effect_high_pct,
    if(e.annotation = '', 'no_data', e.state) AS effect_state,
    if(e.annotation = '', 'It is not computed yet: footfall serve does it within the hour, footfall effect -all does it now.', e.reason) AS reason,
    multiIf(e.annotation = '', '', e.method = 'stores_without', 'stores without it', 'the weeks before') AS against,
    toDateTime(a.last_day, 'UTC') AS last_day,
    e.days_during AS days_during, e.weeks AS weeks_before, e.others AS other_stores
FROM chosen AS a
LEFT JOIN
(
    SELECT * FROM pub_effects FINAL WHERE (annotation, store) IN (SELECT annotation, of FROM chosen)
) AS e ON e.annotation = a.annotation AND e.store = a.of
ORDER BY time, campaign, a.of
SETTINGS optimize_move_to_prewhere_if_final = 1
