-- The ClickHouse role of whoever shows dashboards: it reads the published tables and nothing else. Run it once as an administrator,
-- and again after an upgrade: REVOKE comes first, so the role has what stands here and no more.
-- It wants ClickHouse's own user management (access_management) and the database footfall; on a cluster add ON CLUSTER.

CREATE SETTINGS PROFILE OR REPLACE footfall_dashboards SETTINGS
    readonly = 2 CONST,                                        -- SELECT only; clients may still set what the lines below allow
    max_execution_time = 30 MIN 1 MAX 60,                      -- seconds
    max_memory_usage = 2000000000 MAX 2000000000,              -- bytes
    max_threads = 4 MAX 8,
    max_result_rows = 1000000 MAX 1000000,
    allow_ddl = 0 CONST,
    allow_introspection_functions = 0 CONST;

CREATE ROLE IF NOT EXISTS footfall_dashboards;
ALTER ROLE footfall_dashboards SETTINGS PROFILE 'footfall_dashboards';
REVOKE ALL ON *.* FROM footfall_dashboards;

GRANT SELECT ON footfall.pub_store_live TO footfall_dashboards;
GRANT SELECT ON footfall.pub_store_quarter TO footfall_dashboards;
GRANT SELECT ON footfall.pub_store_hour TO footfall_dashboards;
GRANT SELECT ON footfall.pub_zone_hour TO footfall_dashboards;
GRANT SELECT ON footfall.pub_store_day TO footfall_dashboards;
GRANT SELECT ON footfall.pub_store_week TO footfall_dashboards;
GRANT SELECT ON footfall.pub_sensor_5min TO footfall_dashboards;
GRANT SELECT ON footfall.pub_retention TO footfall_dashboards;
GRANT SELECT ON footfall.pub_annotations TO footfall_dashboards;
GRANT SELECT ON footfall.pub_transactions TO footfall_dashboards;
GRANT SELECT ON footfall.pub_effects TO footfall_dashboards;
GRANT SELECT ON footfall.pub_stores TO footfall_dashboards;
GRANT SELECT ON footfall.pub_privacy TO footfall_dashboards;

CREATE QUOTA OR REPLACE footfall_dashboards KEYED BY user_name
    FOR INTERVAL 1 hour MAX queries = 20000, errors = 2000, execution_time = 7200
    TO footfall_dashboards;

-- A user of the role, with a password of your own:
-- CREATE USER footfall_grafana IDENTIFIED BY '...';
-- GRANT footfall_dashboards TO footfall_grafana;
