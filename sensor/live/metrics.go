package live

import (
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/keys"
)

// metrics shows the pipeline's totals. The loop publishes them once a second; a scrape reads the newest.
type metrics struct {
	now     atomic.Pointer[published]
	reopens *prometheus.CounterVec

	listening, sendsIDs, frames, kept, dropped, bursts, passers, long, held, channel, kernel, untimed, rewinds, day *prometheus.Desc
}

type published struct {
	counts  agent.Counts
	open    bool
	ids     bool
	kernel  uint64
	untimed uint64
	day     calendar.Day
}

// Why capture was opened anew: a closed list.
const (
	reopenSilent = "silent"
	reopenGone   = "gone"
	reopenFailed = "failed"
)

func newMetrics(reg prometheus.Registerer, site keys.Site, software string) (*metrics, error) {
	desc := func(name, help string, of ...string) *prometheus.Desc {
		return prometheus.NewDesc("footfall_sensor_"+name, help, of, nil)
	}
	m := &metrics{
		listening: desc("listening", "1 while the radio is open and up."),
		sendsIDs:  desc("sends_ids", "1 while ids may leave the sensor; 0 while it only counts."),
		frames:    desc("frames_total", "Frames that the kernel's filter passed and that were read."),
		kept:      desc("kept_frames_total", "Frames that count."),
		dropped:   desc("dropped_frames_total", "Frames that do not count, by reason.", "reason"),
		bursts:    desc("bursts_total", "Bursts by what became of them.", "outcome"),
		passers:   desc("passers_by_total", "Passers-by."),
		long:      desc("excluded_long_total", "Stays too long for a visitor."),
		held:      desc("held_bursts", "Bursts that are open, or wait for an older one."),
		channel:   desc("channel_frames_total", "Probe requests by the channel's centre frequency in MHz; 0 where the radio does not say.", "mhz"),
		kernel:    desc("kernel_dropped_frames_total", "Frames that the kernel dropped because they were not read in time."),
		untimed:   desc("untimed_frames_total", "Frames that bear the time of their reading, because the kernel gave none."),
		rewinds:   desc("clock_rewinds_total", "Times the clock was set back by more than five minutes: the counters of the minutes heard twice are lost the second time."),
		day:       desc("keys_store_day", "Store-day of the keys, in days since 2020-01-01."),
		reopens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "footfall", Subsystem: "sensor", Name: "capture_reopens_total",
			Help: "How often capture was opened anew, by why.",
		}, []string{"reason"}),
	}
	for _, reason := range []string{reopenSilent, reopenGone, reopenFailed} {
		m.reopens.WithLabelValues(reason)
	}
	m.now.Store(&published{})
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "footfall", Subsystem: "sensor", Name: "info", Help: "Always 1: which sensor this is, and its program.",
	}, []string{"store", "zone", "sensor", "software"})
	info.WithLabelValues(site.Store, site.Zone, site.Sensor, software).Set(1)
	return m, errors.Join(reg.Register(m), reg.Register(m.reopens), reg.Register(info))
}

// publish shows the loop's counts from here on.
func (m *metrics) publish(p published) { m.now.Store(&p) }

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.listening, m.sendsIDs, m.frames, m.kept, m.dropped, m.bursts, m.passers, m.long, m.held, m.channel, m.kernel, m.untimed, m.rewinds, m.day} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	p := m.now.Load()
	c := &p.counts
	total := func(d *prometheus.Desc, n uint64, of ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), of...)
	}
	total(m.frames, c.Frames)
	total(m.kept, c.Kept)
	for _, r := range c.AllReasons() {
		total(m.dropped, r.Count, r.Name)
	}
	total(m.bursts, c.Sightings, "sighting")
	total(m.bursts, c.CountedBursts, "counted")
	total(m.bursts, c.RandomBursts, "random")
	total(m.bursts, c.OutsideBursts, "outside")
	total(m.bursts, c.WeakBursts, "weak")
	total(m.bursts, c.OptedOutBursts, "opted_out")
	total(m.passers, c.PassersBy)
	total(m.long, c.ExcludedLong)
	total(m.kernel, p.kernel)
	total(m.untimed, p.untimed)
	total(m.rewinds, c.Rewinds)
	for _, ch := range c.Channels.Heard() {
		total(m.channel, ch.Frames, strconv.Itoa(int(ch.MHz)))
	}
	yes := func(d *prometheus.Desc, v bool) {
		n := 0.0
		if v {
			n = 1
		}
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n)
	}
	yes(m.listening, p.open)
	yes(m.sendsIDs, p.ids)
	out <- prometheus.MustNewConstMetric(m.held, prometheus.GaugeValue, float64(c.HeldBursts))
	out <- prometheus.MustNewConstMetric(m.day, prometheus.GaugeValue, float64(p.day))
}

// channels is what was heard where, for heartbeats.
func channels(c *agent.Counts) []*wire.Channel {
	var out []*wire.Channel
	for _, ch := range c.Channels.Heard() {
		out = append(out, &wire.Channel{Mhz: uint32(ch.MHz), Frames: ch.Frames})
	}
	return slices.Clip(out)
}

// losing says that a total grew lately: it holds for a while after it has.
type losing struct {
	total uint64
	since time.Time
}

// lossHolds is how long a loss is said after it happened.
const lossHolds = time.Minute

func (l *losing) grew(total uint64, now time.Time) bool {
	if total > l.total {
		l.total, l.since = total, now
	}
	return !l.since.IsZero() && now.Sub(l.since) < lossHolds
}
