-- How old the oldest thing is in every place that keeps something of devices:
-- a row a place and day, written by the retention proof. No device counts.

CREATE TABLE IF NOT EXISTS pub_retention
(
    day        Date COMMENT 'day of the check, UTC',
    kind       LowCardinality(String) COMMENT 'what kind of place: topic, table, parts (files of a table that are out of use and still on the disk) or spool (messages that a sensor holds)',
    store      LowCardinality(String) COMMENT 'store whose data or sensor it is; empty for a place that all stores share',
    name       LowCardinality(String) COMMENT 'name of the topic, table or sensor',
    checked_at DateTime('UTC') COMMENT 'when it was looked at, UTC',
    oldest     Nullable(DateTime('UTC')) COMMENT 'time of the oldest thing there, UTC: of the sighting where there are ids; NULL where there is nothing or nothing is known',
    age_s      Nullable(UInt64) COMMENT 'age of the oldest thing at the check, seconds; NULL as oldest is',
    limit_s    Nullable(UInt64) COMMENT 'how old it may become by the store''s settings, seconds; NULL where things stay: they hold no ids',
    state      LowCardinality(String) COMMENT 'ok: within its limit, and nothing there that should not be; breach: not so, and a breach stands for the rest of its day; unknown: it could not be proven',
    reason     LowCardinality(String) COMMENT 'why the state is a breach or unknown; empty or absent (there is no such place) where it is ok',
    version    UInt64 COMMENT 'the row with the greatest version stands: the newest, a breach before all others'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (day, kind, store, name);
