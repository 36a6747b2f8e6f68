// Package tap makes a monitor interface without a radio, for tests: a TAP device whose link-layer type says that its frames
// are 802.11. In go frames with their link header, and whoever listens on the interface hears them. Tests on a machine that
// does not allow it are skipped with the reason.
package tap

import "github.com/openfootfall/footfall/sensor/dot11"

// Ethernet is the link type of a device that is no monitor interface at all (LINKTYPE_ETHERNET).
const Ethernet uint16 = 1

// arphrd is the kernel's number for the interfaces that give a link type, 0 for a link type that none gives.
func arphrd(link uint16) int {
	switch link {
	case Ethernet:
		return 1
	case dot11.LinkRaw:
		return 801
	case dot11.LinkPrism, dot11.LinkAVS: // drivers that write AVS headers use Prism's number
		return 802
	case dot11.LinkRadiotap:
		return 803
	}
	return 0
}
