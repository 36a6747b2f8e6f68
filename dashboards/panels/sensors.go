package panels

const noSensors = "No sensor of these stores was heard of in this range. If there should be one: is it powered, on the network, and sending? A sensor of a new store appears with its first heartbeat."

const leastNote = " Of more than twenty sensors, the twenty that listened least are shown."

func sensorName() Column { return category("sensor", "Sensor") }

func sensorPanels() []Panel {
	return []Panel{
		{
			ID: "sensors_last", Dashboard: Sensors, Chart: Grid, Title: "When each sensor was last heard of",
			Question: "Which sensors are silent, and what ails the others? A sensor sends a heartbeat about every minute; one that has been silent for a quarter of an hour needs a look. One that reads \"no data\" has not been heard of in this range, or never. \"Only counts\" and \"Trouble\" are in the sensor's own words; with a clock that is not good it sends no codes.",
			Empty:    "No sensor of these stores is known in this range. The aggregator lists those of stores.yaml every few minutes: is it running, and does the range reach to now?",
			Columns: columns(storeName(), sensorName(), detail("zone", "Zone", None), detail("policy", "Policy", None), moment("last_heard", "Last heard (UTC)"),
				value("silent_s", "Silent for", Seconds), state("silent_state", "silent_s"), detail("listened_s", "Listened in its last five minutes", Seconds), detail("clock", "Clock", None),
				detail("fail_closed", "Only counts because", None), detail("trouble", "Trouble", None), detail("optout_version", "Opt-out list", None), detail("spool_bytes", "Holds", Bytes)),
			Thresholds: []Threshold{{"silent_s", 0, Good}, {"silent_s", 900, Warn}, {"silent_s", 3600, Bad}},
		},
		{
			ID: "sensors_listened", Dashboard: Sensors, Chart: Line, Title: "Time listened",
			Question: "Did the sensors listen? Share of each step. Sensors do not listen outside opening hours; a hole within them is a capture that stands still, and visits that nobody counted." + leastNote,
			Empty:    noSensors,
			Columns:  columns(step(), storeName(), sensorName(), value("listened_pct", "Listened", Percent)),
		},
		{
			ID: "sensors_heard", Dashboard: Sensors, Chart: Line, Title: "Silent, or an empty store?",
			Question: "Does a sensor that shows nobody hear nothing, or not listen? Probe requests a step: frames, not devices. One that listens for hours and hears nothing, in a store that is open, has a broken radio or antenna, or a wrong channel list." + leastNote,
			Empty:    noSensors,
			Columns: columns(step(), storeName(), sensorName(), value("probes", "Probe requests", None), detail("reading", "Reads", None),
				detail("listened_s", "Listened", Seconds)),
		},
		{
			ID: "sensors_channels", Dashboard: Sensors, Chart: Bars, Title: "Channels",
			Question: "Does the sensor hear on all its channels? Probe requests over the range by the channel's centre: frames, not devices. A channel without any is quiet, or the radio does not visit it." + leastNote,
			Empty:    noSensors,
			Columns:  columns(storeName(), sensorName(), category("channel", "Channel"), value("probes", "Probe requests", None)),
		},
		{
			ID: "sensors_drops", Dashboard: Sensors, Chart: Bars, Title: "Frames dropped, by reason",
			Question: "What does a sensor throw away, and why? Frames over the range, not devices. Dropping is its work: outside opening hours, too weak, not a probe request, opted out. A reason that grows all of a sudden is worth a look." + leastNote,
			Empty:    "No sensor of these stores dropped a frame in this range, or none was heard of.",
			Columns:  columns(storeName(), sensorName(), category("reason", "Reason"), value("frames", "Frames", None)),
		},
		{
			ID: "sensors_spool", Dashboard: Sensors, Chart: Line, Title: "Not sent yet",
			Question: "Does a sensor fail to send? What it holds, and how old the oldest of it is. A sensor keeps what it cannot send, drops the oldest when it is full, and only counts devices whose codes grew too old. Of more than twenty sensors, the twenty that held most are shown.",
			Empty:    noSensors,
			Columns: columns(step(), storeName(), sensorName(), value("spool_bytes", "Holds", Bytes), value("oldest_s", "Oldest", Seconds),
				detail("messages_lost", "Messages given up since it started", None), detail("frames_missed", "Frames not read in time since it started", None)),
			Thresholds: []Threshold{{"oldest_s", 0, Good}, {"oldest_s", 900, Warn}, {"oldest_s", 21600, Bad}},
		},
		{
			ID: "sensors_trouble", Dashboard: Sensors, Chart: Grid, Title: "Trouble",
			Question: "What did not work as configured, and for how long? In the sensor's own words, from its heartbeats. A sensor that only counts has failed closed: without a key, a good clock or a fresh opt-out list it sends no codes.",
			Empty:    "No sensor reported any trouble in this range.",
			Columns: columns(storeName(), sensorName(), category("kind", "Kind"), detail("what", "What", None), Column{Name: "first_seen", Label: "From (UTC)", Role: Instant},
				moment("last_seen", "Until (UTC)"), value("minutes", "For", Minutes)),
			Thresholds: []Threshold{{"minutes", 0, Warn}, {"minutes", 60, Bad}},
		},
		{
			ID: "sensors_lists", Dashboard: Sensors, Chart: Grid, Title: "Opt-out lists in use",
			Question: "Does every sensor enforce the newest opt-out list? Its version beside the newest that any of these sensors has. One that stays behind while the others move on does not get the list; after two days it only counts.",
			Empty:    noSensors,
			Columns:  lists(),
		},
	}
}

// lists are the columns of the two panels about opt-out lists.
func lists() []Column {
	return columns(storeName(), sensorName(), detail("optout_version", "List", None), detail("newest_version", "Newest", None), value("behind", "Versions behind", None),
		Column{Name: "last_seen", Label: "As of (UTC)", Role: Instant}, detail("only_counts", "Only counts because", None))
}
