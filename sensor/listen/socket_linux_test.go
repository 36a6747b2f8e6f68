package listen

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/listen/tap"
)

// soon is longer than any frame needs on a machine that is busy; no test waits it out.
const soon = 20 * time.Second

func open(t testing.TB, o Options) *Socket {
	t.Helper()
	s, err := Open(o)
	if errors.Is(err, ErrPermission) {
		t.Skipf("no packet sockets here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func hear(t testing.TB, s *Socket) capture.Record {
	t.Helper()
	rec, err := s.Read(soon)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func send(t testing.TB, d *tap.Device, frames ...[]byte) {
	t.Helper()
	for _, frame := range frames {
		if err := d.Write(frame); err != nil {
			t.Fatal(err)
		}
	}
}

func TestProbeRequestsComeAsTheyWereOnTheAir(t *testing.T) {
	for name, row := range map[string]struct{ device, header, want uint16 }{
		"radiotap":          {dot11.LinkRadiotap, dot11.LinkRadiotap, dot11.LinkRadiotap},
		"prism":             {dot11.LinkPrism, dot11.LinkPrism, dot11.LinkPrism},
		"AVS under Prism's": {dot11.LinkPrism, dot11.LinkAVS, dot11.LinkPrism},
		"raw":               {dot11.LinkRaw, dot11.LinkRaw, dot11.LinkRaw},
	} {
		t.Run(name, func(t *testing.T) {
			d := tap.New(t, row.device)
			s := open(t, Options{Interface: d.Name()})
			if s.Link() != row.want {
				t.Errorf("got link type %d, want %d", s.Link(), row.want)
			}
			const slack = int64(time.Minute) // for a clock that is being set
			last := time.Now().UnixNano() - slack
			for i := range uint16(50) {
				want := under(t, row.header, probe(i))
				send(t, d, under(t, row.header, ofType(0x80)), want, under(t, row.header, ofType(0x08)))
				rec := hear(t, s)
				if !bytes.Equal(rec.Data, want) || rec.OrigLen != len(want) || rec.Link != row.want {
					t.Fatalf("frame %d: got %d of %d bytes, link type %d, want %d bytes, link type %d", i, len(rec.Data), rec.OrigLen,
						rec.Link, len(want), row.want)
				}
				var p dot11.Probe
				if drop := dot11.Parse(rec.Link, rec.Data, rec.OrigLen, &p); drop != dot11.DropNone {
					t.Fatalf("frame %d: got %v, want a probe request", i, drop)
				}
				if rec.Time < last || rec.Time > time.Now().UnixNano()+slack {
					t.Fatalf("frame %d: got time %d, want one after %d and not in the future", i, rec.Time, last)
				}
				last = rec.Time
			}
			if _, err := s.Read(0); !errors.Is(err, ErrTimeout) {
				t.Errorf("got %v, want ErrTimeout: only probe requests pass", err)
			}
			if s.Untimed() != 0 {
				t.Errorf("got %d frames without a time of the kernel, want 0", s.Untimed())
			}
		})
	}
}

// TestKernelFiltersLikeTheTable gives the kernel the odd frames that TestFilter gives the Go machine. A probe request after
// each of them tells when it was judged.
func TestKernelFiltersLikeTheTable(t *testing.T) {
	devices, sockets := map[uint16]*tap.Device{}, map[uint16]*Socket{}
	for _, link := range links {
		devices[link] = tap.New(t, link)
		sockets[link] = open(t, Options{Interface: devices[link].Name()})
	}
	for name, row := range frameRows(t) {
		end := under(t, row.link, probe(999))
		send(t, devices[row.link], []byte(row.data), end)
		rec := hear(t, sockets[row.link])
		passed := !bytes.Equal(rec.Data, end)
		if passed != row.want {
			t.Errorf("%s: got passes %v, want %v", name, passed, row.want)
		}
		if passed && string(rec.Data) != row.data {
			t.Errorf("%s: got other bytes", name)
		}
		if passed {
			hear(t, sockets[row.link])
		}
	}
}

func TestFramesFromBeforeOpenAreNotHeard(t *testing.T) {
	d := tap.New(t, dot11.LinkRadiotap)
	send(t, d, under(t, dot11.LinkRadiotap, probe(1)), under(t, dot11.LinkRadiotap, ofType(0x80)))
	s := open(t, Options{Interface: d.Name()})
	want := under(t, dot11.LinkRadiotap, probe(2))
	send(t, d, want)
	if rec := hear(t, s); !bytes.Equal(rec.Data, want) {
		t.Error("got a frame from before the socket was opened")
	}
}

func TestFramesThatThisMachineSendsAreNotHeard(t *testing.T) {
	for name, ignore := range map[string]int{"by the kernel": 1, "as before Linux 4.20": 0} {
		d := tap.New(t, dot11.LinkRadiotap)
		s := open(t, Options{Interface: d.Name()})
		if err := s.conn.Control(func(fd uintptr) {
			if err := unix.SetsockoptInt(int(fd), unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, ignore); err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		err = unix.Sendto(fd, under(t, dot11.LinkRadiotap, probe(1)), 0, &unix.SockaddrLinklayer{Protocol: everyProtocol(), Ifindex: s.Index()})
		if err := errors.Join(err, unix.Close(fd)); err != nil {
			t.Fatal(err)
		}
		want := under(t, dot11.LinkRadiotap, probe(2))
		send(t, d, want)
		if rec := hear(t, s); !bytes.Equal(rec.Data, want) {
			t.Errorf("%s: got the frame that was sent", name)
		}
	}
}

func TestSnap(t *testing.T) {
	d := tap.New(t, dot11.LinkRadiotap)
	s := open(t, Options{Interface: d.Name(), Snap: 60})
	frame := under(t, dot11.LinkRadiotap, append(probe(1), bytes.Repeat([]byte("\xdd\x02xy"), 50)...))
	send(t, d, frame)
	if rec := hear(t, s); !bytes.Equal(rec.Data, frame[:60]) || rec.OrigLen != len(frame) {
		t.Errorf("got %d of %d bytes, want 60 of %d", len(rec.Data), rec.OrigLen, len(frame))
	}
	// What is kept by default holds the longest management frame.
	whole := open(t, Options{Interface: d.Name()})
	long := under(t, dot11.LinkRadiotap, append(probe(1), bytes.Repeat([]byte("\xdd\x02xy"), 569)...))
	send(t, d, long)
	if rec := hear(t, whole); !bytes.Equal(rec.Data, long) || len(long) < 2304+len(under(t, dot11.LinkRadiotap, nil)) {
		t.Errorf("got %d of %d bytes, want all of a longest frame", len(rec.Data), rec.OrigLen)
	}
}

// TestWhatTheBufferCannotHoldIsCounted: frames sent = frames read + frames dropped.
func TestWhatTheBufferCannotHoldIsCounted(t *testing.T) {
	d := tap.New(t, dot11.LinkRadiotap)
	s := open(t, Options{Interface: d.Name(), ReceiveBuffer: 8 << 10})
	const sent, beacons = 500, 100
	var read, before uint64
	for round := range uint64(2) {
		for i := range uint16(sent) {
			send(t, d, under(t, dot11.LinkRadiotap, probe(i)))
			if i < beacons {
				send(t, d, under(t, dot11.LinkRadiotap, ofType(0x80))) // not counted: nobody wants them
			}
		}
		drops, err := s.Drops()
		if err != nil || drops <= before {
			t.Fatalf("got %d drops and %v, want more than %d", drops, err, before)
		}
		before = drops
		for read+drops < sent*(round+1) {
			hear(t, s)
			read++
		}
		if _, err := s.Read(0); !errors.Is(err, ErrTimeout) {
			t.Errorf("got %v, want ErrTimeout: %d read, %d dropped of %d", err, read, drops, sent*(round+1))
		}
	}
	if read == 0 {
		t.Error("got no frame at all, want some")
	}
	if again, err := s.Drops(); again != before || err != nil {
		t.Errorf("got %d drops and %v, want still %d", again, err, before)
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	d := tap.New(t, dot11.LinkRadiotap)
	s := open(t, Options{Interface: d.Name()})
	frame := under(t, dot11.LinkRadiotap, probe(1))
	const runs = 300
	for range runs + 10 {
		send(t, d, frame)
	}
	failed := 0
	if got := testing.AllocsPerRun(runs, func() {
		if rec, err := s.Read(time.Second); err != nil || len(rec.Data) != len(frame) {
			failed++
		}
	}); got != 0 || failed != 0 {
		t.Errorf("got %v allocations a frame and %d failed reads, want 0 and 0", got, failed)
	}
}

// TestTransmittersAddressIsNotAskedFor: the kernel offers it beside the frame too.
func TestTransmittersAddressIsNotAskedFor(t *testing.T) {
	d := tap.New(t, dot11.LinkRadiotap)
	s := open(t, Options{Interface: d.Name()})
	send(t, d, under(t, dot11.LinkRadiotap, probe(1)))
	hear(t, s)
	if s.sender.Addr != [8]uint8{} {
		t.Error("got an address beside the frame, want none")
	}
}

func TestStamp(t *testing.T) {
	ne := binary.NativeEndian
	wide := ne.AppendUint64(ne.AppendUint64(nil, 5_000_000_000), 123)
	narrow := ne.AppendUint32(ne.AppendUint32(nil, 1_700_000_000), 456)
	for name, row := range map[string]struct {
		level, kind int32
		data        []byte
		want        int64 // 0: the time of reading
	}{
		"64 bits, after 2038":      {unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, wide, 5_000_000_000_000_000_123},
		"the older message":        {unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, wide, 5_000_000_000_000_000_123},
		"32 bits":                  {unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, narrow, 1_700_000_000_000_000_456},
		"too short":                {unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, narrow[:4], 0},
		"another message":          {unix.SOL_PACKET, unix.SO_TIMESTAMPNS, wide, 0},
		"no message":               {0, 0, nil, 0},
		"microseconds, not wanted": {unix.SOL_SOCKET, unix.SO_TIMESTAMP, wide, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Socket{control: make([]byte, messageBytes)}
			if row.data != nil {
				s.message.SetControllen(unix.CmsgSpace(len(row.data)))
				header := unix.Cmsghdr{Level: row.level, Type: row.kind}
				header.SetLen(unix.CmsgLen(len(row.data)))
				copy(s.control, controlHeader(header))
				copy(s.control[unix.CmsgLen(0):], row.data)
			}
			before := time.Now().UnixNano()
			got := s.stamp()
			if row.want != 0 && (got != row.want || s.Untimed() != 0) {
				t.Errorf("got %d, %d untimed, want %d, none", got, s.Untimed(), row.want)
			}
			if row.want == 0 && (got < before || s.Untimed() != 1) {
				t.Errorf("got %d, %d untimed, want the time of reading, counted", got, s.Untimed())
			}
		})
	}
}

// controlHeader is a control message's header as the kernel writes it.
func controlHeader(h unix.Cmsghdr) []byte {
	out := make([]byte, 0, unix.SizeofCmsghdr)
	if unix.SizeofCmsghdr == 16 {
		out = binary.NativeEndian.AppendUint64(out, uint64(h.Len)) //nolint:unconvert // 32 bits wide on 32-bit machines
	} else {
		out = binary.NativeEndian.AppendUint32(out, uint32(h.Len))
	}
	out = binary.NativeEndian.AppendUint32(out, uint32(h.Level))
	return binary.NativeEndian.AppendUint32(out, uint32(h.Type))
}

// BenchmarkRead reports how fast queued frames are read; the time to send them is not counted.
func BenchmarkRead(b *testing.B) {
	d := tap.New(b, dot11.LinkRadiotap)
	s := open(b, Options{Interface: d.Name()})
	frame := under(b, dot11.LinkRadiotap, append(probe(1), bytes.Repeat([]byte("\xdd\x02xy"), 25)...))
	const batch = 500
	var reading time.Duration
	frames := 0
	b.ReportAllocs()
	for b.Loop() {
		for range batch {
			send(b, d, frame)
		}
		start := time.Now()
		for range batch {
			hear(b, s)
		}
		reading += time.Since(start)
		frames += batch
	}
	b.ReportMetric(float64(frames)/reading.Seconds(), "frames/s")
	b.ReportMetric(float64(reading.Nanoseconds())/float64(frames), "ns/frame")
	if drops, err := s.Drops(); drops != 0 || err != nil {
		b.Errorf("got %d drops and %v, want 0", drops, err)
	}
}
