package wire

// Bands of signal strength, of the strongest frame of a burst in dBm: 0 below -90 (never sent), 1 -90..-81, 2 -80..-76,
// 3 -75..-71, 4 -70..-66, 5 -65..-61, 6 -60..-56, 7 -55 and above. Steps of 5 dB let the inside floor be moved afterwards
// without touching the sensor (COUNTING section 4).
const (
	// BandEdges is the version of these edges, sent with every MinuteCounters.
	BandEdges = 1
	// MinBand is the weakest band on the wire.
	MinBand = 1
	// MaxBand is the strongest band.
	MaxBand = 7
	// MinRandomBand is the weakest band that counters of random addresses have rows for (DESIGN section 8).
	MinRandomBand = 2
)

// Band is the band of a signal strength in dBm.
func Band(dbm int) uint8 {
	switch {
	case dbm >= -55:
		return 7
	case dbm < -90:
		return 0
	case dbm < -80:
		return 1
	default:
		return uint8((dbm+80)/5) + 2
	}
}

// BandFloor is the weakest signal of a band in dBm; -128 for band 0, which has none. Bands above MaxBand are MaxBand's.
func BandFloor(band uint8) int {
	switch {
	case band == 0:
		return -128
	case band == 1:
		return -90
	case band > MaxBand:
		band = MaxBand
	}
	return -80 + 5*(int(band)-2)
}
