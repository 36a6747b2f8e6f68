-- What was noted of store-days in the range, of these stores and of all stores together, for the charts of days.
SELECT toDateTime(first_day, 'UTC') AS time, toDateTime(last_day, 'UTC') + 86399 AS timeEnd,
    if(store = '', title, concat(title, ' (', store, ')')) AS text, kind AS tags
FROM pub_annotations FINAL
WHERE NOT removed AND (store = '' OR store IN (${store:singlequote}))
    AND first_day <= toDate($__toTime, 'UTC') AND last_day >= toDate($__fromTime, 'UTC')
ORDER BY time, text
