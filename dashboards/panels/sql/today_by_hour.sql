-- The hours of each store's newest open store-day in the range beside the median of the same hour and weekday in the eight weeks
-- before it. An hour that reads "under 10" ranks below every number. Hours in which the store was always closed are left out.
WITH newest AS
(
    SELECT store, max(store_day) AS day, argMax(h.weekday, h.store_day) AS weekday
    FROM pub_store_hour AS h FINAL
    WHERE store IN (${store:singlequote}) AND visits_state != 'closed'
        AND {store_days}
    GROUP BY store
),
hours AS
(
    SELECT h.store AS store, h.local_hour AS local_hour, h.store_day AS store_day, n.day AS day,
        h.estimated_visits AS estimated, h.estimated_low AS low, h.estimated_high AS high, h.estimated_state AS state
    FROM pub_store_hour AS h FINAL
    INNER JOIN newest AS n ON n.store = h.store AND n.weekday = h.weekday
    WHERE h.store IN (${store:singlequote})
        AND h.store_day >= {from_day} - 56 AND h.store_day <= toDate($__toTime, 'UTC') + 1
        AND h.store_day <= n.day AND h.store_day >= n.day - 56
),
compared AS
(
    SELECT store, local_hour, any(day) AS shown,
        anyIf(estimated, store_day = hours.day) AS now_estimated,
        anyIf(low, store_day = hours.day) AS now_low,
        anyIf(high, store_day = hours.day) AS now_high,
        if(countIf(store_day = hours.day) = 0, 'no_data', anyIf(state, store_day = hours.day)) AS now_state,
        countIf(store_day < hours.day AND state IN ('value', 'under_10')) AS days_behind,
        quantileExactIf(0.5)(ifNull(estimated, 0), store_day < hours.day AND state IN ('value', 'under_10')) AS middle
    FROM hours
    GROUP BY store, local_hour
    HAVING countIf(state != 'closed') > 0
)
SELECT store,
    concat(leftPad(toString(local_hour), 2, '0'), ':00') AS clock,
    now_estimated AS estimated_visits,
    now_low AS estimated_low,
    now_high AS estimated_high,
    now_state AS estimated_state,
    if(days_behind >= 3 AND middle >= 10, middle, NULL) AS typical_visits,
    multiIf(days_behind < 3, 'no_data', middle < 10, 'under_10', 'value') AS typical_state,
    days_behind AS typical_days,
    toDateTime(shown, 'UTC') AS day_shown
FROM compared
ORDER BY store, local_hour < 4, local_hour
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
