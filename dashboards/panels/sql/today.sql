-- The hours so far of each store's newest open store-day in the range, added up, beside the median of what the same hours of the same
-- weekday brought in the eight weeks before. Hours that read "under 10" add nothing on either side, so both are "at least".
-- Today is the store-day that the range ends in, counted on from the newest hour there is: where none of its open hours is over to its
-- last second, there is no number, rather than that of an earlier day.
-- For speed: what only tells where today is does not ask which version of an hour stands, and of the eight weeks only what lies within
-- a day and a few hours (clocks change) of whole weeks before the range's end is read.
WITH latest AS
(
    SELECT store, maxIf(store_day, visits_state != 'closed') AS newest,
        argMax((store_day, (local_hour + 20) % 24), start) AS last,
        last.2 AS until,
        last.1 + intDiv(3600 * last.2 + dateDiff('second', max(start), $__toTime), 86400) AS today,
        if(newest = today, argMaxIf(h.weekday, h.start, h.visits_state != 'closed'), 8) AS weekday -- 8: joins no hour
    FROM pub_store_hour AS h
    WHERE store IN (${store:singlequote})
        AND store_day >= toDate($__toTime, 'UTC') - 70 AND store_day <= toDate($__toTime, 'UTC') + 1
        AND start <= $__toTime - 3599
    GROUP BY store
    HAVING newest >= toDate($__fromTime, 'UTC')
),
hours AS
(
    SELECT store, store_day, weekday, (local_hour + 20) % 24 AS step, visits, visits_state, estimated_visits, estimated_low, estimated_high, estimated_state
    FROM pub_store_hour FINAL
    WHERE store IN (${store:singlequote})
        AND store_day >= toDate($__toTime, 'UTC') - 70 AND store_day <= toDate($__toTime, 'UTC') + 1
        AND start <= $__toTime - 3599
        AND (toUnixTimestamp($__toTime) - toUnixTimestamp(start) + 10800) % 604800 < 86400 + 21600
),
sums AS
(
    SELECT l.store AS store, h.store_day AS day, any((l.newest, l.until, l.today)) AS latest_of,
        sumIf(ifNull(h.visits, 0), h.visits_state = 'value') AS day_visits,
        multiIf(countIf(h.visits_state = 'value') > 0, 'value', countIf(h.visits_state = 'under_10') > 0, 'under_10',
            countIf(h.visits_state = 'policy') > 0, 'policy', countIf(h.visits_state = 'no_data') > 0, 'no_data', 'closed') AS day_state,
        sumIf(ifNull(h.estimated_visits, 0), h.estimated_state = 'value') AS day_estimated,
        sumIf(ifNull(h.estimated_low, 0), h.estimated_state = 'value') AS day_low,
        sumIf(ifNull(h.estimated_high, 0), h.estimated_state = 'value') AS day_high,
        multiIf(countIf(h.estimated_state = 'value') > 0, 'value', countIf(h.estimated_state = 'under_10') > 0, 'under_10',
            countIf(h.estimated_state = 'policy') > 0, 'policy', countIf(h.estimated_state = 'no_data') > 0, 'no_data', 'closed') AS day_estimated_state
    FROM hours AS h
    RIGHT JOIN latest AS l ON l.store = h.store AND l.weekday = h.weekday
    WHERE h.store = '' OR h.step <= l.until AND h.store_day BETWEEN l.newest - 56 AND l.newest
    GROUP BY store, day
),
compared AS
(
    SELECT store, latest_of.1 AS newest, latest_of.2 AS until, latest_of.3 AS today, newest = today AS is_open,
        anyIf(day_visits, day = newest) AS now_visits,
        if(is_open, anyIf(day_state, day = newest), 'no_data') AS now_state,
        anyIf(day_estimated, day = newest) AS now_estimated,
        anyIf(day_low, day = newest) AS now_low,
        anyIf(day_high, day = newest) AS now_high,
        if(is_open, anyIf(day_estimated_state, day = newest), 'no_data') AS now_estimated_state,
        countIf(is_open AND day < newest AND day_estimated_state IN ('value', 'under_10')) AS days_behind,
        quantileExactIf(0.5)(day_estimated, day < newest AND day_estimated_state IN ('value', 'under_10')) AS middle
    FROM sums
    GROUP BY store, latest_of
)
SELECT store,
    toDateTime(today, 'UTC') AS time,
    if(is_open, concat(leftPad(toString((until + 5) % 24), 2, '0'), ':00'), '') AS until_clock,
    if(now_estimated_state = 'value', now_estimated, NULL) AS estimated_visits,
    if(now_estimated_state = 'value', now_low, NULL) AS estimated_low,
    if(now_estimated_state = 'value', now_high, NULL) AS estimated_high,
    now_estimated_state AS estimated_state,
    if(days_behind >= 3 AND middle >= 10, middle, NULL) AS typical_visits,
    multiIf(days_behind < 3, 'no_data', middle < 10, 'under_10', 'value') AS typical_state,
    days_behind AS typical_days,
    round(100 * (estimated_visits - typical_visits) / typical_visits) AS change_pct,
    floor(100 * (estimated_low - typical_visits) / typical_visits) AS change_low_pct,
    ceil(100 * (estimated_high - typical_visits) / typical_visits) AS change_high_pct,
    if(change_pct IS NULL, 'no_data', 'value') AS change_state,
    if(now_state = 'value', now_visits, NULL) AS visits,
    now_state AS visits_state
FROM compared
ORDER BY store
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1, optimize_aggregation_in_order = 1
