-- The audit logs, a row a program: how long they are, and whether the chain of their lines held when it was last read whole.
SELECT item AS program,
    value AS entries,
    transform(state, ['ok', 'broken', 'off', 'apart'],
        ['whole', 'broken: keep the file as it is, and run footfall audit verify', 'no log: name a file with the flag audit-log', 'not known here: the program has no way to ClickHouse, run footfall audit verify there'], state) AS chain,
    at AS last_entry,
    checked_at
FROM
(
    SELECT *, max(checked_at) OVER () AS last_check
    FROM pub_privacy FINAL
    WHERE measure = 'audit' AND (store IN (${store:singlequote}) OR store = '') AND $__timeFilter(checked_at)
)
WHERE checked_at >= last_check - 3600
ORDER BY program
SETTINGS optimize_move_to_prewhere_if_final = 1
