package dot11

// Drop is the reason why a record gave no probe request. The reasons are a closed list, safe as metric labels.
type Drop uint8

// The reasons, in the order in which they are looked for.
const (
	// DropNone means that the record is a probe request.
	DropNone Drop = iota
	// DropLinkUnsupported means a link type that is none of the package's.
	DropLinkUnsupported
	// DropLinkHeader means a link header that is too short or contradicts itself.
	DropLinkHeader
	// DropNotProbeRequest means a frame of another type. It is looked at no closer, so it may be damaged as well.
	DropNotProbeRequest
	// DropTruncated means that fewer bytes were captured than were on the air, so that elements are missing.
	DropTruncated
	// DropBadFCS means that the frame check sequence is wrong, or that the radio said so.
	DropBadFCS
	// DropShortFrame means a frame that ends within its 802.11 header.
	DropShortFrame
	// DropMalformed means that an element runs past the frame's end, or a frame longer than any radio sends.
	DropMalformed
	// DropGroupSource means a group address as the source. Parse never returns it: the caller checks Probe.Addr.
	DropGroupSource
	dropCount
)

// String is the reason's name in metrics, reports and logs.
func (d Drop) String() string {
	switch d {
	case DropNone:
		return "none"
	case DropLinkUnsupported:
		return "link_unsupported"
	case DropLinkHeader:
		return "link_header"
	case DropNotProbeRequest:
		return "not_probe_request"
	case DropTruncated:
		return "truncated"
	case DropBadFCS:
		return "bad_fcs"
	case DropShortFrame:
		return "short_frame"
	case DropMalformed:
		return "malformed"
	case DropGroupSource:
		return "group_source"
	}
	return "unknown"
}

// Drops lists every reason except DropNone, for metrics and their documentation.
func Drops() []Drop {
	var all []Drop
	for d := DropNone + 1; d < dropCount; d++ {
		all = append(all, d)
	}
	return all
}
