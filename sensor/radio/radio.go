// Package radio puts a Wi-Fi radio where the sensor can hear phones: into monitor mode, and from channel to channel. In come the
// name of an interface and a channel plan; out go the radio as it was before, reports of every hop, and events when the
// interface goes down, disappears or comes back. It speaks nl80211 and rtnetlink itself, starts no subprocess, needs
// CAP_NET_ADMIN, and never sees a frame: that is for package listen.
package radio

import (
	"errors"
	"log/slog"
	"strconv"
)

// What can be wrong with a radio. Every error of this package that comes from the kernel is one of these, tested with errors.Is;
// each ends with what to do.
var (
	ErrGone       = errors.New("there is no such interface: ip link lists them; put the radio back in, or name another interface")
	ErrDown       = errors.New("the interface is down: ip link set it up, or let the sensor do so with monitor: true")
	ErrBusy       = errors.New("another program holds the radio: take it away from NetworkManager (nmcli device set <interface> managed no), wpa_supplicant or hostapd, and take down other interfaces of the same radio (iw dev lists them)")
	ErrPermission = errors.New("not allowed: run with CAP_NET_ADMIN, as the systemd unit does")
	ErrBlocked    = errors.New("the radio is switched off: rfkill unblock wifi, or use its switch")
	ErrNotWiFi    = errors.New("this is not a Wi-Fi radio that nl80211 knows: iw dev lists those that are, and a radio without a cfg80211 driver cannot be used")
	ErrNoMonitor  = errors.New("the radio's driver has no monitor mode: use another radio, for example one with an ath9k or mt76 driver")
	ErrRefused    = errors.New("the radio refuses: iw phy shows what it can and which channels are allowed in its country (iw reg get)")
)

// Reason sorts an error of this package into a closed list for metric labels: gone, down, busy, permission, blocked, not_wifi,
// no_monitor, refused, other.
func Reason(err error) string {
	for _, known := range []struct {
		err  error
		name string
	}{
		{ErrGone, "gone"}, {ErrDown, "down"}, {ErrBusy, "busy"}, {ErrPermission, "permission"}, {ErrBlocked, "blocked"},
		{ErrNotWiFi, "not_wifi"}, {ErrNoMonitor, "no_monitor"}, {ErrRefused, "refused"},
	} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	return "other"
}

// Options say which radio.
type Options struct {
	// Interface is its name, such as wlan1.
	Interface string
	// StateDir is where radio.json remembers what the interface was, to restore it even after a kill; empty: in memory only.
	StateDir string
	Logger   *slog.Logger // nil: none
}

// Band is a band of Wi-Fi channels.
type Band uint8

// The bands in which phones look for networks.
const (
	Band24 Band = iota + 1
	Band5
	Band6
)

// String is the band in GHz, as in sensor.yaml and in metrics: 2.4, 5, 6.
func (b Band) String() string {
	switch b {
	case Band24:
		return "2.4"
	case Band5:
		return "5"
	case Band6:
		return "6"
	}
	return "unknown"
}

// Channel is 20 MHz of a band.
type Channel struct {
	Band   Band
	Number int // as Wi-Fi counts: 1 is 2412 MHz, 36 is 5180 MHz, and 1 of 6 GHz is 5955 MHz
	MHz    int // centre
	// Quiet: nobody may send here before hearing an access point, so that phones do not scan actively (the kernel's NO_IR).
	Quiet bool
	// Radar: shared with radar, where phones scan passively in every country (DFS).
	Radar bool
}

// String is the channel as sensor.yaml lists it: 6, 36, and 6g5 for channel 5 of the 6 GHz band.
func (c Channel) String() string {
	if c.Band == Band6 {
		return "6g" + strconv.Itoa(c.Number)
	}
	return strconv.Itoa(c.Number)
}

// ChannelAt is the 20 MHz channel with this centre in MHz; false where phones have none. IEEE 802.11-2020, annex E, and
// 802.11ax for 6 GHz.
func ChannelAt(mhz int) (Channel, bool) {
	switch {
	case mhz == 2484:
		return Channel{Band: Band24, Number: 14, MHz: mhz}, true
	case mhz >= 2412 && mhz <= 2472 && (mhz-2407)%5 == 0:
		return Channel{Band: Band24, Number: (mhz - 2407) / 5, MHz: mhz}, true
	case mhz >= 5160 && mhz <= 5895 && mhz%5 == 0:
		return Channel{Band: Band5, Number: (mhz - 5000) / 5, MHz: mhz}, true
	case mhz == 5935:
		return Channel{Band: Band6, Number: 2, MHz: mhz}, true
	case mhz >= 5955 && mhz <= 7115 && (mhz-5950)%5 == 0:
		return Channel{Band: Band6, Number: (mhz - 5950) / 5, MHz: mhz}, true
	}
	return Channel{}, false
}
