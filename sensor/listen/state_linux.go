package listen

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// statistics is the kernel's folder of interfaces.
const statistics = "/sys/class/net"

// ReadState asks the kernel about an interface, whoever uses it; it needs no privilege. The error is ErrGone when there is no
// such interface, or the operating system's.
func ReadState(name string) (State, error) {
	state, err := interfaceState(name)
	if err != nil {
		return State{}, err
	}
	path := filepath.Join(statistics, name, "statistics", "rx_packets")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.EINVAL) { // the kernel says the latter while it takes the interface away
		if _, again := interfaceState(name); again != nil {
			return State{}, again
		}
		return State{}, fmt.Errorf("read the frame counter of %s: %w: mount /sys in the sensor's own network namespace", name, err)
	}
	if err != nil {
		return State{}, fmt.Errorf("read the frame counter of %s: %w: let the sensor read /sys/class/net", name, err)
	}
	state.RxPackets, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return State{}, fmt.Errorf("read the frame counter of %s: %w: check what is mounted at /sys", name, err)
	}
	return state, nil
}

// interfaceState is ReadState without the counter.
func interfaceState(name string) (State, error) {
	request, err := unix.NewIfreq(name)
	if err != nil || name == "" || strings.ContainsAny(name, "/:") {
		return State{}, fmt.Errorf("look for interface %q: %w: a name has 1 to 15 characters; see /sys/class/net", name, ErrGone)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return State{}, fmt.Errorf("look for interface %s: open a socket: %w: check the machine's limit on open files", name, err)
	}
	state, err := askState(fd, request)
	err = errors.Join(err, unix.Close(fd))
	if errors.Is(err, unix.ENODEV) {
		err = ErrGone
	}
	if err != nil {
		return State{}, fmt.Errorf("look for interface %s: %w: check the name in /sys/class/net, and that the radio is plugged in "+
			"and its driver loaded", name, err)
	}
	return state, nil
}

// askState fills in what the three ioctls tell. The last one's answer holds the radio's own address too, of which only the
// type in front of it is read.
func askState(fd int, request *unix.Ifreq) (State, error) {
	var state State
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request); err != nil {
		return State{}, err
	}
	state.Index = int(int32(request.Uint32()))
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, request); err != nil {
		return State{}, err
	}
	flags := request.Uint16()
	state.Up, state.Running = flags&unix.IFF_UP != 0, flags&unix.IFF_RUNNING != 0
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, request); err != nil {
		return State{}, err
	}
	state.Type = request.Uint16()
	state.Link = linkOf(state.Type)
	return state, nil
}
