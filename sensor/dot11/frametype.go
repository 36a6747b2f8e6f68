package dot11

// frameControlProbeRequest is the first byte of a probe request: version 0, type management (0), subtype 4.
const frameControlProbeRequest = 0x40

// managementNames are the subtypes of management frames (IEEE 802.11-2020, table 9-1).
var managementNames = [16]string{
	"association_request", "association_response", "reassociation_request", "reassociation_response",
	"probe_request", "probe_response", "timing_advertisement", "reserved",
	"beacon", "atim", "disassociation", "authentication",
	"deauthentication", "action", "action_no_ack", "reserved",
}

// FrameType names the type of a frame by its first byte, Probe.FrameControl, from a closed list that is safe as metric
// labels: management frames by subtype, "control", "data", "extension", and "reserved" for what the standard does not know.
func FrameType(frameControl byte) string {
	if frameControl&3 != 0 {
		return "reserved" // a protocol version other than 0
	}
	switch frameControl >> 2 & 3 {
	case 1:
		return "control"
	case 2:
		return "data"
	case 3:
		return "extension"
	}
	return managementNames[frameControl>>4]
}
