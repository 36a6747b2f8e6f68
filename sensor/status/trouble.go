package status

import "slices"

// Trouble is the name of something that does not work now. The list is closed: it labels metrics and stands in heartbeats.
type Trouble string

// The troubles, each with what it means and what to do in its Sentence. Those of the clock are package clock's verdicts.
const (
	ListStale           Trouble = "opt_out_list_stale"
	ListUnread          Trouble = "opt_out_list_unread"
	ClockUnsynchronised Trouble = "clock_unsynchronised"
	ClockJumped         Trouble = "clock_jumped"
	ClockBeforeKeys     Trouble = "clock_before_keys"
	ClockTooFar         Trouble = "clock_too_far"
	ClockUnconfirmed    Trouble = "clock_unconfirmed"
	ClockDisagrees      Trouble = "clock_disagrees"
	KeyGap              Trouble = "key_gap"
	KeysUnsaved         Trouble = "keys_unsaved"
	CaptureSilent       Trouble = "capture_silent"
	InterfaceGone       Trouble = "interface_gone"
	InterfaceDown       Trouble = "interface_down"
	ChannelTaken        Trouble = "channel_taken"
	MonitorRefused      Trouble = "monitor_refused"
	NoStrength          Trouble = "no_strength"
	KernelDropping      Trouble = "kernel_dropping"
	KafkaUnreachable    Trouble = "kafka_unreachable"
	KafkaRefused        Trouble = "kafka_refused"
	SpoolFull           Trouble = "spool_full"
	SpoolDisk           Trouble = "spool_disk"
	WaitingForList      Trouble = "waiting_for_list"
	MarksUnsaved        Trouble = "marks_unsaved"
)

// Troubles are all of them, in the order of the documentation: first those that fail closed.
func Troubles() []Trouble {
	return []Trouble{
		ListStale, ListUnread, ClockUnsynchronised, ClockJumped, ClockBeforeKeys, ClockTooFar, ClockUnconfirmed, ClockDisagrees,
		KeyGap, KeysUnsaved,
		CaptureSilent, InterfaceGone, InterfaceDown, ChannelTaken, MonitorRefused, NoStrength, KernelDropping,
		KafkaUnreachable, KafkaRefused, SpoolFull, SpoolDisk, WaitingForList, MarksUnsaved,
	}
}

// ClockTroubles are those of the clock, of which at most one holds: see Board.SetClock.
func ClockTroubles() []Trouble {
	return []Trouble{ClockUnsynchronised, ClockJumped, ClockBeforeKeys, ClockTooFar, ClockUnconfirmed, ClockDisagrees}
}

// FailsClosed reports whether only counters, or nothing at all, leave the sensor while it holds (DESIGN section 6).
func (t Trouble) FailsClosed() bool {
	switch t {
	case ListStale, ListUnread, KeyGap, KeysUnsaved:
		return true
	}
	return slices.Contains(ClockTroubles(), t)
}

// Sentence says what is wrong and what to do next, for whoever reads the log or /healthz. It is the same every time and holds
// no values; it is empty for what is no trouble of the list.
func (t Trouble) Sentence() string {
	switch t {
	case ListStale:
		return "the opt-out list has not been confirmed for too long, so only counters leave: bring the connection to Kafka back"
	case ListUnread:
		return "the opt-out list has not been read since the start, so only counters leave: bring the connection to Kafka back, and let this sensor read the topic of opt-outs"
	case ClockUnsynchronised:
		return "the kernel does not say that the clock is synchronised, so no key turns and only counters leave: run an NTP client that reaches its servers and tells the kernel (chrony does with rtcsync)"
	case ClockJumped:
		return "the clock moved by more than two days against the time since boot, so what is heard is dropped: check the NTP servers; it ends when the clock is back, or synchronised to a time that a Kafka broker confirms"
	case ClockBeforeKeys:
		return "the clock stands before the store-day of the keys, so what is heard is dropped: let NTP set the clock; if the clock is right, wait for the first day of the bundle"
	case ClockTooFar:
		return "the clock is more than 35 days ahead of the keys, so what is heard is dropped: let NTP set the clock; if the clock is right, issue the store's bundles again with footfall keys issue"
	case ClockUnconfirmed:
		return "the keys are of an earlier day and no Kafka broker has confirmed the clock since the start, so no key turns and only counters leave: bring the connection to Kafka back"
	case ClockDisagrees:
		return "the keys are of an earlier day and the clock differs from the Kafka broker's by more than five minutes, so no key turns and only counters leave: check NTP here and on the brokers"
	case KeyGap:
		return "the key state is too far behind to follow by itself, so only counters leave: issue the store's bundles again with footfall keys issue"
	case KeysUnsaved:
		return "the key state cannot be written, so no key turns and only counters leave: check that the state folder is writable and its disk neither full nor worn out"
	}
	return t.sentenceOfOperation()
}

// sentenceOfOperation is Sentence for the troubles under which ids still leave.
func (t Trouble) sentenceOfOperation() string {
	switch t {
	case CaptureSilent:
		return "nothing at all is heard on any channel, so capture is opened anew: check the antenna, the driver and the channel plan"
	case InterfaceGone:
		return "the radio's interface is not there, and is waited for: plug the radio in, or name the right interface"
	case InterfaceDown:
		return "the radio's interface is down, and is waited for: set it up, and look for what took it down, such as NetworkManager"
	case ChannelTaken:
		return "another program changes the radio's channel: keep NetworkManager, wpa_supplicant and hostapd off this radio"
	case MonitorRefused:
		return "the radio cannot be put into monitor mode: look it up among the radios that work, and give the sensor CAP_NET_ADMIN"
	case NoStrength:
		return "frames come without a signal strength and are dropped for it: use a radio and driver that report it"
	case KernelDropping:
		return "the kernel drops frames because they are not read in time: give the sensor more of the processor"
	case KafkaUnreachable:
		return "no Kafka broker answers, so what may leave waits in the spool: check the network, the name resolution and the list of brokers"
	case KafkaRefused:
		return "Kafka refuses this sensor, so what may leave waits in the spool: check its password or certificate, its rights and that the topics exist"
	case SpoolFull:
		return "the spool is full, so the oldest in it is given up: bring the connection to Kafka back, or give the spool more room"
	case SpoolDisk:
		return "the spool cannot be written to disk: check that its folder is writable and its disk neither full nor worn out"
	case MarksUnsaved:
		return "the day's return buckets cannot be written, so a crash would lose them for the repeat rate: check that the state folder is writable and its disk neither full nor worn out"
	case WaitingForList:
		return "ids wait in the spool until the opt-out list is read to its end again: bring the connection to Kafka back, and let this sensor read the topic of opt-outs"
	}
	return ""
}
