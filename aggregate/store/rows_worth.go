package store

import "time"

// Names of the published tables about what visits were worth. They hold no count of devices but published ones.
const (
	TablePubAnnotations  = "pub_annotations"
	TablePubTransactions = "pub_transactions"
	TablePubEffects      = "pub_effects"
)

// PubAnnotationRow is a promotion, holiday or closure that the operator noted. Key: Annotation. A removed one stays as a row that says so.
type PubAnnotationRow struct {
	Annotation string    `ch:"annotation"`
	Store      string    `ch:"store"`     // empty: all stores
	Kind       string    `ch:"kind"`      // promotion, holiday, closure or other
	Title      string    `ch:"title"`     // for people
	FirstDay   time.Time `ch:"first_day"` // store-day
	LastDay    time.Time `ch:"last_day"`  // store-day, which belongs to it
	Removed    bool      `ch:"removed"`
	Version    uint64    `ch:"version"`
}

// PubTransactionsRow is how many sales a store's tills rang in one hour of its clock, as the operator imported it. Key: Store, Start.
type PubTransactionsRow struct {
	Store        string    `ch:"store"`
	Start        time.Time `ch:"start"`
	StoreDay     time.Time `ch:"store_day"`
	LocalHour    uint8     `ch:"local_hour"`
	Weekday      uint8     `ch:"weekday"`
	Transactions uint32    `ch:"transactions"`
	Version      uint64    `ch:"version"`
}

// PubEffectRow is what a campaign did to a store's published estimated visits. Key: Annotation, Store; Store is empty for all together.
type PubEffectRow struct {
	Annotation string    `ch:"annotation"`
	Store      string    `ch:"store"`
	Method     string    `ch:"method"`     // weeks_before or stores_without
	EffectPct  *int32    `ch:"effect_pct"` // nil unless State is value
	LowPct     *int32    `ch:"low_pct"`
	HighPct    *int32    `ch:"high_pct"`
	State      string    `ch:"state"` // value or no_data
	Reason     string    `ch:"reason"`
	DaysDuring uint16    `ch:"days_during"`
	DaysBefore uint16    `ch:"days_before"`
	Weeks      uint8     `ch:"weeks"`
	Others     uint16    `ch:"others"` // stores without the campaign
	ComputedAt time.Time `ch:"computed_at"`
	Version    uint64    `ch:"version"`
}
