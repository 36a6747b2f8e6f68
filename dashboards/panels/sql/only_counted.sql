-- Quarters of an hour in which a sensor only counted devices because it let no ids go. They are in no other number. They are few, and
-- the times of them are found before the versions of a quarter are told apart.
SELECT store,
    toDateTime(store_day, 'UTC') AS time,
    concat(leftPad(toString(local_hour), 2, '0'), ':', leftPad(toString(local_minute), 2, '0')) AS clock,
    counted,
    counted_state
FROM pub_store_quarter FINAL
WHERE start IN
    (
        SELECT start
        FROM pub_store_quarter
        WHERE store IN (${store:singlequote}) AND {store_days} AND counted_state IN ('value', 'under_10')
    )
    AND store IN (${store:singlequote}) AND {store_days} AND counted_state IN ('value', 'under_10')
ORDER BY store, start
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
