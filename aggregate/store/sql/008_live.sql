-- How many are inside just now: a row a store, replaced every five minutes while
-- its sensors are live. A file has no now, so a store of files has no row.

CREATE TABLE IF NOT EXISTS pub_store_live
(
    store           LowCardinality(String) COMMENT 'store, by its name in stores.yaml',
    start           DateTime('UTC') COMMENT 'start of the five minutes for which the row stands, UTC',
    store_day       Date COMMENT 'store-day of the start, 04:00 to 04:00 on the store''s clock',
    local_hour      UInt8 COMMENT 'hour of the start on the store''s clock, 0 to 23',
    local_minute    UInt8 COMMENT 'minute of the start on the store''s clock, in steps of five',
    occupancy       Nullable(Int32) COMMENT 'devices inside as the five minutes began, rounded to 5',
    occupancy_low   Nullable(Int32) COMMENT 'lower end of its 95 % interval, outward to 5',
    occupancy_high  Nullable(Int32) COMMENT 'upper end of its 95 % interval, outward to 5',
    occupancy_state LowCardinality(String) COMMENT 'why occupancy is a value or not; quiet where the rounded number is under 10',
    version         UInt64 COMMENT 'the row with the greatest version stands: the start in Unix seconds'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY store;
