-- The aggregator's own tables. Nothing in a dashboard reads them.
-- ReplacingMergeTree(version): of the rows with one key the greatest version
-- stands; a reader says FINAL.

CREATE TABLE IF NOT EXISTS stores
(
    store        LowCardinality(String),
    name         String,
    time_zone    String,
    policy       LowCardinality(String),
    hours        String,
    zones        Array(String),
    seal_after_s UInt32 COMMENT 'seconds',
    version      UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY store;

-- The only table with ids. A row lives until its day is sealed. Parts out of use
-- may leave the disk at once, not after the default 8 minutes (what a power cut
-- could take with them is still in the log), and the text of finished mutations
-- is not piled up. The same holds for the other tables rows are deleted from.
CREATE TABLE IF NOT EXISTS device_days
(
    store     LowCardinality(String),
    store_day Date,
    id        UInt64,
    sightings UInt32,
    bounces   UInt16,
    visits    Array(Tuple(
        first DateTime64(3, 'UTC'),
        last  DateTime64(3, 'UTC'),
        zones Array(Tuple(
            zone  String,
            first DateTime64(3, 'UTC'),
            last  DateTime64(3, 'UTC'),
            count UInt32)))),
    seal_hour DateTime('UTC') COMMENT 'the UTC hour at which the day is due for sealing',
    version   UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY seal_hour
ORDER BY (store, store_day, id)
SETTINGS old_parts_lifetime = 0, finished_mutations_to_keep = 1;

CREATE TABLE IF NOT EXISTS people_minutes
(
    store         LowCardinality(String),
    store_day     Date,
    minute        DateTime('UTC'),
    sensor        LowCardinality(String),
    zone          LowCardinality(String),
    random        Float64 COMMENT 'estimated devices inside with random addresses',
    listened_s    UInt8 COMMENT 'seconds',
    frames_random UInt32,
    frames_stable UInt32,
    passers_by    UInt32,
    excluded_long UInt32,
    final         Bool,
    version       UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY store_day
ORDER BY (store, store_day, sensor, minute)
SETTINGS old_parts_lifetime = 0, finished_mutations_to_keep = 1;

CREATE TABLE IF NOT EXISTS cells
(
    store            LowCardinality(String),
    store_day        Date,
    start            DateTime('UTC'),
    local_hour       UInt8,
    local_minute     UInt8,
    weekday          UInt8 COMMENT '1 is Monday',
    store_week       Date,
    listened_minutes UInt8,
    visits           UInt32,
    bounces          UInt32,
    passers_by       UInt32,
    engaged          UInt32,
    excluded_long    UInt32,
    stable           Float64,
    random           Float64,
    occupancy        Float64,
    occupancy_low    Float64,
    occupancy_high   Float64,
    estimated_visits Float64,
    estimated_low    Float64,
    estimated_high   Float64,
    frames_random    UInt64,
    frames_stable    UInt64,
    dwell_s          Array(UInt32) COMMENT 'seconds, one per visit begun in the cell',
    final            Bool,
    version          UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY store_day
ORDER BY (store, store_day, start)
SETTINGS old_parts_lifetime = 0, finished_mutations_to_keep = 1;

CREATE TABLE IF NOT EXISTS store_days
(
    store            LowCardinality(String),
    store_day        Date,
    weekday          UInt8 COMMENT '1 is Monday',
    store_week       Date,
    visits           UInt32,
    bounces          UInt32,
    visitors         UInt32,
    passers_by       UInt32,
    engaged          UInt32,
    excluded_long    UInt32,
    dwell_sum_s      Nullable(Float64) COMMENT 'seconds; from 10 distinct visitors',
    dwell_p25_s      Nullable(Float64),
    dwell_p50_s      Nullable(Float64),
    dwell_p75_s      Nullable(Float64),
    stay_min         Float64 COMMENT 'W in minutes',
    estimated_visits Float64,
    estimated_low    Float64,
    estimated_high   Float64,
    occupancy_mean   Float64,
    occupancy_low    Float64,
    occupancy_high   Float64,
    frames_random    UInt64,
    frames_stable    UInt64,
    sealed           Bool,
    version          UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (store, store_day);

CREATE TABLE IF NOT EXISTS return_patterns
(
    store          LowCardinality(String),
    store_day      Date,
    store_week     Date,
    counts         Array(UInt32) COMMENT '32 patterns of five noisy bits',
    q0             Array(Float64) COMMENT 'share of ones of the five filters',
    lookback_weeks UInt8,
    visitors       UInt32,
    version        UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (store, store_day)
SETTINGS old_parts_lifetime = 0, finished_mutations_to_keep = 1;

CREATE TABLE IF NOT EXISTS repeat_weeks
(
    store          LowCardinality(String),
    store_week     Date,
    visitors       UInt32,
    new_share      Float64,
    new_low        Float64,
    new_high       Float64,
    lookback_weeks UInt8,
    repeat_1w      Nullable(Float64),
    repeat_1w_low  Nullable(Float64),
    repeat_1w_high Nullable(Float64),
    repeat_4w      Nullable(Float64),
    repeat_4w_low  Nullable(Float64),
    repeat_4w_high Nullable(Float64),
    days           UInt8,
    version        UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (store, store_week);

CREATE TABLE IF NOT EXISTS sealed_days
(
    store            LowCardinality(String),
    store_day        Date,
    partition        Int32,
    sightings_offset Int64,
    counters_offset  Int64,
    version          UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (store, store_day);

CREATE TABLE IF NOT EXISTS dead_letters
(
    topic     LowCardinality(String),
    partition Int32,
    offset    Int64,
    reason    LowCardinality(String),
    store     LowCardinality(String),
    sensor    LowCardinality(String),
    received  DateTime('UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset)
TTL received + INTERVAL 30 DAY;
