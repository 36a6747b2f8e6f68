package radio

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// memoryFile is the name of the file that outlives a kill.
const memoryFile = "radio.json"

// typeNames are the interface types by nl80211's number (enum nl80211_iftype), as iw writes them. Those that cannot be the type of
// a network interface, or not its first one, are left out.
func typeNames() []string {
	return []string{"", "IBSS", "managed", "AP", "AP/VLAN", "WDS", "monitor", "mesh point", "P2P-client", "P2P-GO", "", "outside context of a BSS"}
}

// before is what an interface was before it became a monitor.
type before struct {
	Interface string `json:"interface"`
	Phy       uint32 `json:"phy"`
	Type      string `json:"type"`
	Up        bool   `json:"up"`
}

// typeNumber is nl80211's number of the type; false for one that is not known.
func (b before) typeNumber() (uint32, bool) {
	n := slices.Index(typeNames(), b.Type)
	return uint32(max(n, 0)), n > 0
}

func typeName(n uint32) (string, bool) {
	names := typeNames()
	if n >= uint32(len(names)) || names[n] == "" {
		return "", false
	}
	return names[n], true
}

// recall reads what an earlier run left; false when there is nothing. A damaged file is an error.
func recall(dir string) (b before, found bool, err error) {
	if dir == "" {
		return b, false, nil
	}
	path := filepath.Join(dir, memoryFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return b, false, nil
	}
	if err != nil {
		return b, false, fmt.Errorf("read what the radio was before: %w", err)
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		return b, false, fmt.Errorf("read what the radio was before: %s: %w", path, err)
	}
	if _, ok := b.typeNumber(); !ok || b.Interface == "" {
		return b, false, fmt.Errorf("read what the radio was before: %s is not what this program writes", path)
	}
	return b, true, nil
}

// remember replaces the file, so that it is whole at any moment.
func remember(dir string, b before) error {
	if dir == "" {
		return nil
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("remember what the radio was before: %w", err)
	}
	temp, err := os.CreateTemp(dir, memoryFile+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("remember what the radio was before: %w: the state folder must exist and be writable", err)
	}
	_, err = temp.Write(append(raw, '\n'))
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), filepath.Join(dir, memoryFile))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("remember what the radio was before: %w", err), os.Remove(temp.Name()))
	}
	return nil
}

// forget removes the file; one that is not there is forgotten already.
func forget(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.Remove(filepath.Join(dir, memoryFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget what the radio was before: %w", err)
	}
	return nil
}
