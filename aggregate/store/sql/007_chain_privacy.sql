-- What dashboards know of the stores, and what whoever answers for privacy asks
-- of a running installation. Neither has a device count.

CREATE TABLE IF NOT EXISTS pub_stores
(
    store     LowCardinality(String) COMMENT 'store, by its name in stores.yaml',
    name      String COMMENT 'name of the store for people',
    region    LowCardinality(String) COMMENT 'the operator''s name of a group of stores; empty where the store has none',
    time_zone LowCardinality(String) COMMENT 'time zone of the store, by its IANA name',
    policy    LowCardinality(String) COMMENT 'privacy policy of the store: count_only, standard or extended',
    hours     String COMMENT 'opening hours on the store''s clock, for people',
    sensors   UInt16 COMMENT 'sensors that the store has by stores.yaml, heard of or not',
    version   UInt64 COMMENT 'the row with the greatest version stands: of the newest start of the aggregator'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY store;

-- Facts as they are now: a row replaces the one before. Erasures alone have a row a store-day.
CREATE TABLE IF NOT EXISTS pub_privacy
(
    measure    LowCardinality(String) COMMENT 'what it is about: keys (which store-day''s keys a sensor has), optout (which opt-out list a sensor enforces), optout_list (the newest list), erasures (Forgets of a store-day) or audit (a program''s audit log)',
    store      LowCardinality(String) COMMENT 'store of the sensor or the store-day; empty where it is about all stores',
    item       String COMMENT 'the sensor, the store-day or the program that the row is about; empty where there is one only',
    at         Nullable(DateTime('UTC')) COMMENT 'keys: when the sensor said it; optout: when its list was last confirmed; erasures: when the day was sealed; audit: the last entry; UTC',
    day        Nullable(Date) COMMENT 'keys: the store-day of the keys on the sensor; erasures: the store-day',
    value      Nullable(Int64) COMMENT 'keys: how many store-days before today''s the keys are of; optout and optout_list: version of the list; erasures: how many Forgets the day was told, never how many of them it held; audit: entries; NULL where the state says why',
    state      LowCardinality(String) COMMENT 'ok; no_data: nobody said; silent: it was said too long ago; late: keys of an earlier store-day; behind: an older list; other_key: of another opt-out key; unconfirmed: the list was never confirmed; sensors: the newest of the sensors'' lists stands for the newest; apart: the program has no way here; off: there is no log; broken: the log''s chain is broken',
    checked_at DateTime('UTC') COMMENT 'when this was looked at, UTC; of an audit log, when its chain was verified',
    version    UInt64 COMMENT 'the row with the greatest version stands'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (measure, store, item);
