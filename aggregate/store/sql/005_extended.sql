-- Policy extended: a store whose operator has recorded a legal basis keeps for 28
-- store-days which return ids visited, and publishes exact shares of visitors who
-- had been there before. Other stores have no row of it, and their shares read
-- policy.

-- Rows go 28 store-days after theirs, when a day is sealed. Should no day of the
-- store be sealed any more, they go 31 days after they were written.
CREATE TABLE IF NOT EXISTS return_visits
(
    store     LowCardinality(String),
    period    Int32 COMMENT '28 store-days, for which a return key is good',
    return_id UInt64 COMMENT 'keyed hash, good for this store and period only',
    store_day Date,
    written   DateTime('UTC'),
    version   UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY period
ORDER BY (store, store_day, return_id)
TTL written + INTERVAL 31 DAY
SETTINGS old_parts_lifetime = 0, finished_mutations_to_keep = 1;

ALTER TABLE store_days
    ADD COLUMN IF NOT EXISTS extended Bool COMMENT 'sealed under policy extended, with return ids' AFTER frames_stable;

ALTER TABLE return_patterns
    ADD COLUMN IF NOT EXISTS return_visitors UInt32 COMMENT 'policy extended: visitors with a return id' AFTER visitors,
    ADD COLUMN IF NOT EXISTS repeat_7d UInt32 COMMENT 'of these, visitors on one of the 7 store-days before' AFTER return_visitors,
    ADD COLUMN IF NOT EXISTS repeat_14d UInt32 COMMENT 'of the 14 before' AFTER repeat_7d,
    ADD COLUMN IF NOT EXISTS repeat_28d UInt32 COMMENT 'of the 28 before' AFTER repeat_14d,
    ADD COLUMN IF NOT EXISTS lookback_days UInt8 COMMENT 'store-days before for which the store has return ids, 0 to 28' AFTER repeat_28d;

ALTER TABLE pub_store_week
    ADD COLUMN IF NOT EXISTS repeat_7d_pct Nullable(Int32) COMMENT 'visitors who came on one of the 7 store-days before, exact, whole percent, from rounded counts; policy extended only' AFTER state,
    ADD COLUMN IF NOT EXISTS repeat_7d_state LowCardinality(String) DEFAULT 'policy' COMMENT 'why the 7-day share is a value or not' AFTER repeat_7d_pct,
    ADD COLUMN IF NOT EXISTS repeat_14d_pct Nullable(Int32) COMMENT 'visitors who came on one of the 14 store-days before, exact, whole percent, from rounded counts; policy extended only' AFTER repeat_7d_state,
    ADD COLUMN IF NOT EXISTS repeat_14d_state LowCardinality(String) DEFAULT 'policy' COMMENT 'why the 14-day share is a value or not' AFTER repeat_14d_pct,
    ADD COLUMN IF NOT EXISTS repeat_28d_pct Nullable(Int32) COMMENT 'visitors who came on one of the 28 store-days before, exact, whole percent, from rounded counts; policy extended only' AFTER repeat_14d_state,
    ADD COLUMN IF NOT EXISTS repeat_28d_state LowCardinality(String) DEFAULT 'policy' COMMENT 'why the 28-day share is a value or not' AFTER repeat_28d_pct;
