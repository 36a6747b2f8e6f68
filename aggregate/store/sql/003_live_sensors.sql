-- What live sensors say beyond sightings and minutes: devices that were only
-- counted because their ids could not be sent, and how a sensor does. Rows from
-- before have what nobody said: no data, nothing held, nothing lost.

ALTER TABLE cells
    ADD COLUMN IF NOT EXISTS counted Nullable(UInt32) COMMENT 'most distinct stable devices that a sensor counted where their ids did not leave it; NULL where none counted' AFTER excluded_long;

ALTER TABLE pub_store_quarter
    ADD COLUMN IF NOT EXISTS counted Nullable(Int32) COMMENT 'stable devices inside that were counted without their ids, because a sensor failed closed or was away for too long, rounded to 5; in no other number, and never to be added to visits or occupancy' AFTER estimated_state,
    ADD COLUMN IF NOT EXISTS counted_state LowCardinality(String) DEFAULT 'no_data' COMMENT 'why counted is a value or not; no_data where nothing was only counted, policy where the store counts only and the occupancy is made of it' AFTER counted;

ALTER TABLE pub_sensor_5min
    ADD COLUMN IF NOT EXISTS trouble LowCardinality(String) COMMENT 'all that does not work as configured, by the newest heartbeat; empty when everything does' AFTER fail_closed,
    ADD COLUMN IF NOT EXISTS spool_bytes UInt64 COMMENT 'bytes that the sensor holds because they are not sent yet, by the newest heartbeat' AFTER drops,
    ADD COLUMN IF NOT EXISTS spool_oldest Nullable(DateTime('UTC')) COMMENT 'capture time of the oldest message the sensor holds, UTC, by the newest heartbeat; NULL where it holds none' AFTER spool_bytes,
    ADD COLUMN IF NOT EXISTS spool_lost UInt64 COMMENT 'messages given up since the sensor started because its spool was full' AFTER spool_oldest,
    ADD COLUMN IF NOT EXISTS kernel_dropped UInt64 COMMENT 'frames that the sensor did not read in time, since it started; frames, not devices' AFTER spool_lost,
    ADD COLUMN IF NOT EXISTS channels Map(UInt16, UInt64) COMMENT 'probe requests heard since the sensor started, by the channel''s centre in MHz; 0 is unknown; frames, not devices' AFTER kernel_dropped;
