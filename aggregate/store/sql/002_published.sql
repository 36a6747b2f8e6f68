-- The published tables: what a dashboard, the API and the CSV show. Every value
-- in them was rounded and suppressed before it came here; the states are value,
-- under_10, quiet, closed, no_data and policy, and a number is NULL unless its
-- state is value. Every column says what it means.

CREATE TABLE IF NOT EXISTS pub_store_quarter
(
    store            LowCardinality(String) COMMENT 'store, by its name in stores.yaml',
    start            DateTime('UTC') COMMENT 'start of the quarter of an hour, UTC',
    store_day        Date COMMENT 'store-day, 04:00 to 04:00 on the store''s clock',
    local_hour       UInt8 COMMENT 'hour of the start on the store''s clock, 0 to 23',
    local_minute     UInt8 COMMENT 'minute of the start on the store''s clock: 0, 15, 30 or 45',
    weekday          UInt8 COMMENT 'weekday of the store-day, 1 is Monday, 7 is Sunday',
    store_week       Date COMMENT 'Monday of the store-week',
    occupancy        Nullable(Int32) COMMENT 'mean number of devices inside, rounded to 5',
    occupancy_low    Nullable(Int32) COMMENT 'lower end of the 95 % interval of occupancy, rounded down to 5',
    occupancy_high   Nullable(Int32) COMMENT 'upper end of the 95 % interval of occupancy, rounded up to 5',
    occupancy_state  LowCardinality(String) COMMENT 'why occupancy is a value or not',
    estimated_visits Nullable(Int32) COMMENT 'visits of all devices by Little''s law, rounded to 5',
    estimated_low    Nullable(Int32) COMMENT 'lower end of the 95 % interval of estimated visits, rounded down to 5',
    estimated_high   Nullable(Int32) COMMENT 'upper end of the 95 % interval of estimated visits, rounded up to 5',
    estimated_state  LowCardinality(String) COMMENT 'why estimated visits are a value or not',
    version          UInt64 COMMENT 'the row with the greatest version stands'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(store_day)
ORDER BY (store, start);

CREATE TABLE IF NOT EXISTS pub_store_hour
(
    store            LowCardinality(String) COMMENT 'store, by its name in stores.yaml',
    start            DateTime('UTC') COMMENT 'start of the hour, UTC',
    store_day        Date COMMENT 'store-day, 04:00 to 04:00 on the store''s clock',
    local_hour       UInt8 COMMENT 'hour of the start on the store''s clock, 0 to 23',
    weekday          UInt8 COMMENT 'weekday of the store-day, 1 is Monday, 7 is Sunday',
    store_week       Date COMMENT 'Monday of the store-week',
    visits           Nullable(Int32) COMMENT 'visits of stable devices begun in the hour, rounded to 5',
    visits_state     LowCardinality(String) COMMENT 'why visits are a value or not',
    estimated_visits Nullable(Int32) COMMENT 'visits of all devices by Little''s law, rounded to 5',
    estimated_low    Nullable(Int32) COMMENT 'lower end of the 95 % interval of estimated visits, rounded down to 5',
    estimated_high   Nullable(Int32) COMMENT 'upper end of the 95 % interval of estimated visits, rounded up to 5',
    estimated_state  LowCardinality(String) COMMENT 'why estimated visits are a value or not',
    version          UInt64 COMMENT 'the row with the greatest version stands'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(store_day)
ORDER BY (store, start);

CREATE TABLE IF NOT EXISTS pub_zone_hour
(
    store        LowCardinality(String) COMMENT 'store, by its name in stores.yaml',
    zone         LowCardinality(String) COMMENT 'zone of the store',
    start        DateTime('UTC') COMMENT 'start of the hour, UTC',
    store_day    Date COMMENT 'store-day, 04:00 to 04:00 on the store''s clock',
    local_hour   UInt8 COMMENT 'hour of the start on the store''s clock, 0 to 23',
    weekday      UInt8 COMMENT 'weekday of the store-day, 1 is Monday, 7 is Sunday',
    store_week   Date COMMENT 'Monday of the store-week',
    visits       Nullable(Int32) COMMENT 'visits of stable devices first heard in the zone in the hour, rounded to 5',
    visits_state LowCardinality(String) COMMENT 'why visits are a value or not',
    version      UInt64 COMMENT 'the row with the greatest version stands'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(store_day)
ORDER BY (store, zone, start);

CREATE TABLE IF NOT EXISTS pub_store_day
(
    store              LowCardinality(String) COMMENT 'store, by its name in stores.yaml',
    store_day          Date COMMENT 'store-day, 04:00 to 04:00 on the store''s clock',
    weekday            UInt8 COMMENT 'weekday of the store-day, 1 is Monday, 7 is Sunday',
    store_week         Date COMMENT 'Monday of the store-week',
    visits             Nullable(Int32) COMMENT 'visits of stable devices, rounded to 5',
    visits_state       LowCardinality(String) COMMENT 'why visits are a value or not',
    bounces            Nullable(Int32) COMMENT 'stays of stable devices too short for a visit, rounded to 5',
    bounces_state      LowCardinality(String) COMMENT 'why bounces are a value or not',
    visitors           Nullable(Int32) COMMENT 'distinct stable devices with a visit, rounded to 5; never to be summed over days as unique',
    visitors_state     LowCardinality(String) COMMENT 'why visitors are a value or not',
    passers_by         Nullable(Int32) COMMENT 'stable devices heard outside only, rounded to 5',
    passers_by_state   LowCardinality(String) COMMENT 'why passers-by are a value or not',
    capture_rate_pct   Nullable(Int32) COMMENT 'visits / (visits + bounces + passers-by), whole percent, from rounded counts',
    capture_rate_state LowCardinality(String) COMMENT 'why the capture rate is a value or not',
    engaged_pct        Nullable(Int32) COMMENT 'visits of 15 minutes or more / visits, whole percent, from rounded counts',
    engaged_state      LowCardinality(String) COMMENT 'why the engaged share is a value or not',
    dwell_p25_min      Nullable(Int32) COMMENT 'lower quartile of dwell, whole minutes, from 10 distinct visitors',
    dwell_p50_min      Nullable(Int32) COMMENT 'median of dwell, whole minutes, from 10 distinct visitors',
    dwell_p75_min      Nullable(Int32) COMMENT 'upper quartile of dwell, whole minutes, from 10 distinct visitors',
    dwell_state        LowCardinality(String) COMMENT 'why dwell is a value or not',
    random_share_pct   Nullable(Int32) COMMENT 'frames from random addresses / all frames, whole percent',
    random_share_state LowCardinality(String) COMMENT 'why the random share is a value or not',
    coverage_pct       Nullable(Int32) COMMENT 'stable visits / estimated visits, whole percent, from rounded counts',
    coverage_state     LowCardinality(String) COMMENT 'why the coverage is a value or not',
    estimated_visits   Nullable(Int32) COMMENT 'visits of all devices by Little''s law, rounded to 5',
    estimated_low      Nullable(Int32) COMMENT 'lower end of the 95 % interval of estimated visits, rounded down to 5',
    estimated_high     Nullable(Int32) COMMENT 'upper end of the 95 % interval of estimated visits, rounded up to 5',
    estimated_state    LowCardinality(String) COMMENT 'why estimated visits are a value or not',
    sealed             Bool COMMENT 'true when the day is closed and the row will not change',
    version            UInt64 COMMENT 'the row with the greatest version stands'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (store, store_day);

CREATE TABLE IF NOT EXISTS pub_store_week
(
    store              LowCardinality(String) COMMENT 'store, by its name in stores.yaml',
    store_week         Date COMMENT 'Monday of the store-week',
    visitors           Nullable(Int32) COMMENT 'stable visitors, each counted once a day, rounded to 5',
    visitors_state     LowCardinality(String) COMMENT 'why visitors are a value or not',
    repeat_1w_pct      Nullable(Int32) COMMENT 'visitors who came on an earlier day of this week or in the week before, whole percent',
    repeat_1w_low_pct  Nullable(Int32) COMMENT 'lower end of its 95 % interval, whole percent',
    repeat_1w_high_pct Nullable(Int32) COMMENT 'upper end of its 95 % interval, whole percent',
    repeat_4w_pct      Nullable(Int32) COMMENT 'visitors who came on an earlier day of this week or in the four weeks before, whole percent',
    repeat_4w_low_pct  Nullable(Int32) COMMENT 'lower end of its 95 % interval, whole percent',
    repeat_4w_high_pct Nullable(Int32) COMMENT 'upper end of its 95 % interval, whole percent',
    new_pct            Nullable(Int32) COMMENT 'visitors who had not come within the look-back, whole percent',
    new_low_pct        Nullable(Int32) COMMENT 'lower end of its 95 % interval, whole percent',
    new_high_pct       Nullable(Int32) COMMENT 'upper end of its 95 % interval, whole percent',
    lookback_weeks     UInt8 COMMENT 'how many weeks before this one are behind the shares, 0 to 4',
    state              LowCardinality(String) COMMENT 'why the shares are values or not',
    version            UInt64 COMMENT 'the row with the greatest version stands'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (store, store_week);

CREATE TABLE IF NOT EXISTS pub_sensor_5min
(
    store          LowCardinality(String) COMMENT 'store, by its name in stores.yaml',
    sensor         LowCardinality(String) COMMENT 'sensor of the store',
    zone           LowCardinality(String) COMMENT 'zone the sensor stands in',
    start          DateTime('UTC') COMMENT 'start of the five minutes, UTC',
    listened_s     UInt16 COMMENT 'seconds listened, 0 to 300',
    last_capture   DateTime('UTC') COMMENT 'time of the newest frame heard, UTC',
    fail_closed    LowCardinality(String) COMMENT 'why the sensor only counts; empty when it does not',
    optout_version UInt64 COMMENT 'version of the opt-out list in use',
    drops          Map(LowCardinality(String), UInt64) COMMENT 'frames dropped since the sensor started, by reason; frames, not devices',
    version        UInt64 COMMENT 'the row with the greatest version stands'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(start)
ORDER BY (store, sensor, start);
