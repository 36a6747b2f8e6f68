-- Shares of visitors who had come on one of the 7, 14 and 28 store-days before, by store-week; policy extended only.
SELECT toDateTime(store_week, 'UTC') AS time, store,
    repeat_7d_pct, repeat_7d_state, repeat_14d_pct, repeat_14d_state, repeat_28d_pct, repeat_28d_state
FROM pub_store_week FINAL
WHERE store IN (${store:singlequote})
    AND store_week >= toMonday(toDate($__fromTime, 'UTC')) AND store_week <= toDate($__toTime, 'UTC')
ORDER BY time, store
SETTINGS optimize_move_to_prewhere_if_final = 1
