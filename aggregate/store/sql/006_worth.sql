-- What visits were worth: what the tills counted, what happened on which days,
-- and what a campaign did to the visits. Nothing in it is of a customer or a
-- device: transactions are counts, annotations are what the operator writes.

CREATE TABLE IF NOT EXISTS pub_annotations
(
    annotation String COMMENT 'short name of the annotation, made from what it says, so that the same one is never there twice',
    store      LowCardinality(String) COMMENT 'store it is about, by its name in stores.yaml; empty: all stores',
    kind       LowCardinality(String) COMMENT 'promotion, holiday, closure or other',
    title      String COMMENT 'what it is, for people, as the operator wrote it',
    first_day  Date COMMENT 'first store-day of it',
    last_day   Date COMMENT 'last store-day of it, which belongs to it',
    removed    Bool COMMENT 'true where the operator has removed it again',
    version    UInt64 COMMENT 'the row with the greatest version stands: the one that was written last'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY annotation;

CREATE TABLE IF NOT EXISTS pub_transactions
(
    store        LowCardinality(String) COMMENT 'store, by its name in stores.yaml',
    start        DateTime('UTC') COMMENT 'start of the hour, UTC',
    store_day    Date COMMENT 'store-day, 04:00 to 04:00 on the store''s clock',
    local_hour   UInt8 COMMENT 'hour of the start on the store''s clock, 0 to 23',
    weekday      UInt8 COMMENT 'weekday of the store-day, 1 is Monday, 7 is Sunday',
    transactions UInt32 COMMENT 'sales that the store''s tills rang in the hour, as the operator imported them; no customer data',
    version      UInt64 COMMENT 'the row with the greatest version stands: the one that was imported last'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(store_day)
ORDER BY (store, start);

CREATE TABLE IF NOT EXISTS pub_effects
(
    annotation  String COMMENT 'the campaign, by its name in pub_annotations',
    store       LowCardinality(String) COMMENT 'store that the effect is of; empty: of all stores together, for a campaign of all stores',
    method      LowCardinality(String) COMMENT 'weeks_before: against the same weekdays of the eight weeks before; stores_without: the same, less what stores without the campaign did',
    effect_pct  Nullable(Int32) COMMENT 'change of the published estimated visits a day, whole percent',
    low_pct     Nullable(Int32) COMMENT 'lower end of its 95 % interval, rounded down',
    high_pct    Nullable(Int32) COMMENT 'upper end of its 95 % interval, rounded up',
    state       LowCardinality(String) COMMENT 'why the effect is a value or not: value or no_data',
    reason      LowCardinality(String) COMMENT 'why there is no effect, or what to know of it, in words; empty where there is nothing to say',
    days_during UInt16 COMMENT 'days of the campaign behind it',
    days_before UInt16 COMMENT 'days before the campaign behind it',
    weeks       UInt8 COMMENT 'weeks before the campaign behind it, 0 to 8',
    others      UInt16 COMMENT 'stores without the campaign behind it',
    computed_at DateTime('UTC') COMMENT 'when it was computed, UTC',
    version     UInt64 COMMENT 'the row with the greatest version stands: the newest'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (annotation, store);
