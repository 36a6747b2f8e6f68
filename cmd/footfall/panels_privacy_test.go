package main

import (
	"testing"

	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/panels"
)

// privacyRow is a row of pub_privacy, checked at noon of 2 March.
const privacyRow = "pub_privacy (measure, store, item, at, day, value, state, checked_at, version) VALUES "

func TestThePrivacyPanelsSayWhoEnforcesWhat(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	insertAll(t, db, privacyRow+
		"('keys', 'a', 'door', '2026-03-02 11:59:00', '2026-02-28', 2, 'late', '2026-03-02 11:55:00', 1), "+ // replaced
		"('keys', 'a', 'door', '2026-03-02 11:59:00', '2026-03-02', 0, 'ok', '2026-03-02 12:00:00', 2), "+
		"('keys', 'a', 'till', '2026-02-27 09:00:00', '2026-02-27', 3, 'silent', '2026-03-02 12:00:00', 2), "+
		"('keys', 'b', 'door', '2026-03-02 11:59:00', '2026-03-01', 1, 'late', '2026-03-02 12:00:00', 2), "+
		"('keys', 'b', 'new', NULL, NULL, NULL, 'no_data', '2026-03-02 12:00:00', 2), "+
		"('keys', 'b', 'gone', '2026-02-20 11:59:00', '2026-02-20', 0, 'ok', '2026-02-20 12:00:00', 1), "+ // not in stores.yaml any more
		"('optout', 'a', 'door', '2026-03-02 11:59:00', NULL, 9, 'ok', '2026-03-02 12:00:00', 2), "+
		"('optout', 'a', 'till', '2026-02-27 09:00:00', NULL, 7, 'silent', '2026-03-02 12:00:00', 2), "+
		"('optout', 'b', 'door', '2026-03-02 11:00:00', NULL, 8, 'behind', '2026-03-02 12:00:00', 2), "+
		"('optout', 'b', 'new', NULL, NULL, NULL, 'no_data', '2026-03-02 12:00:00', 2), "+
		"('optout', 'b', 'gone', '2026-02-20 11:59:00', NULL, 3, 'ok', '2026-02-20 12:00:00', 1), "+
		"('optout_list', '', '', NULL, NULL, 9, 'ok', '2026-03-02 12:00:00', 2), "+
		"('erasures', 'a', '2026-03-01', '2026-03-02 07:00:00', '2026-03-01', 2, 'ok', '2026-03-02 07:00:00', 1), "+
		"('erasures', 'b', '2026-03-01', '2026-03-02 07:00:00', '2026-03-01', 3, 'ok', '2026-03-02 07:00:00', 1), "+
		"('erasures', 'a', '2026-02-27', '2026-02-28 07:00:00', '2026-02-27', 1, 'ok', '2026-02-28 07:00:00', 1), "+
		"('audit', '', 'serve', '2026-03-02 07:00:00', NULL, 40, 'broken', '2026-03-02 11:30:00', 1), "+
		"('audit', '', 'aggregate', NULL, NULL, NULL, 'off', '2026-02-02 11:30:00', 1)")
	source := newPanelSource(t, db)
	params := panels.Params{From: date("2026-02-20"), To: date("2026-03-02").AddDate(0, 0, 1), Stores: []string{"a", "b"}}
	keys := []string{"store", "sensor", "keys_of", "days_old", "reading"}
	wantLines(t, "keys", panelRows(t, source, "privacy_keys", params, keys...),
		"b door 2026-03-01 1 older than its store-day", "b new not said <nil> not said", "a till 2026-02-27 3 silent: as it last said", "a door 2026-03-02 0 of its store-day")
	enforced := []string{"newest_version", "newest_by", "enforcing", "sensors", "oldest_s", "behind", "silent", "never_heard"}
	wantLines(t, "lists", panelRows(t, source, "privacy_enforced", params, enforced...), "9 of the registry 1 4 270000 1 1 1")
	wantLines(t, "erasures", panelRows(t, source, "privacy_erasures", params, "time", "forgets", "stores"), "02-27 00:00 1 1", "03-01 00:00 5 2")
	wantLines(t, "audit logs", panelRows(t, source, "privacy_audit", params, "program", "entries", "chain", "last_entry", "checked_at"),
		"serve 40 broken: keep the file as it is, and run footfall audit verify 03-02 07:00 03-02 11:30")
	params.Stores = []string{"b"}
	insertAll(t, db, privacyRow+"('optout_list', '', '', NULL, NULL, 8, 'sensors', '2026-03-02 12:05:00', 3), ('audit', '', 'optout', NULL, NULL, NULL, 'apart', '2026-03-02 11:30:00', 1)")
	wantLines(t, "one store", panelRows(t, source, "privacy_enforced", params, enforced...), "8 of the sensors: the registry is in another program 0 2 3600 1 0 1")
	wantLines(t, "the pages elsewhere", panelRows(t, source, "privacy_audit", params, "program", "chain")[:1],
		"optout not known here: the program has no way to ClickHouse, run footfall audit verify there")
	params.Stores = []string{"none"}
	wantLines(t, "a store without sensors", panelRows(t, source, "privacy_enforced", params, enforced...))
	params.Stores, params.To = []string{"a", "b"}, date("2026-03-01")
	wantLines(t, "a range that ended before", panelRows(t, source, "privacy_audit", params, "program"))
}
