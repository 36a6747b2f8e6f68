package retention

import (
	"fmt"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
)

func TestHeldCountsEachIDOnceAStoreDay(t *testing.T) {
	db := storetest.Open(t)
	if rows, err := Held(t.Context(), db); err != nil || len(rows) != 0 {
		t.Fatalf("got %v, %v, want nothing held", rows, err)
	}
	newer, other := device("mall", 25), device("mall", 25)
	newer.Version, other.ID = 2, 8
	for _, row := range []store.DeviceDayRow{device("mall", 25), newer, other, device("mall", 24), device("kiosk", 25)} {
		insert(t, db, store.TableDeviceDays, row)
	}
	insert(t, db, store.TableReturnVisits, store.ReturnVisitRow{Store: "mall", StoreDay: dayOfMarch(1).Date(), ReturnID: 7, Written: time.Now(), Version: 1})
	rows, err := Held(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, r := range rows {
		got += fmt.Sprintf("%s %s %s %d; ", r.Table, r.Store, r.StoreDay.Format("01-02"), r.Devices)
	}
	if want := "device_days kiosk 03-25 1; device_days mall 03-24 1; device_days mall 03-25 2; return_visits mall 03-01 1; "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
