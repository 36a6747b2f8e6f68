package notice

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// Version is one version of a store's notice: the rules that it stated and since when.
type Version struct {
	Number int       `json:"version"` // from 1
	At     time.Time `json:"at"`      // when it was first stated
	Store  string    `json:"store"`
	Rules  Rules     `json:"rules"`

	InForce *Rules `json:"in_force,omitempty"` // as in Facts
}

// Running are the rules that the store ran under, as Facts.Running.
func (v Version) Running() Rules { return running(v.Rules, v.InForce) }

// Past is what a history holds of a store.
type Past struct {
	Versions []Version // the oldest first
	Damaged  int       // lines that are no version: cut off by a crash, or changed by somebody
	next     int       // the number of the next version
}

// History keeps the versions of notices in a folder, one file a store, one line a version, which are only ever added. It may be
// used from anywhere in one process; others may read meanwhile.
type History struct {
	mu  sync.Mutex
	dir string
}

// historyMax is how long a store's file may be, in bytes: at a kilobyte a version it is never reached.
const historyMax = 16 << 20

var storeID = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// NewHistory returns the history in a folder, which it makes where it is missing.
func NewHistory(dir string) (*History, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of the notices' versions: %w: name one that can be written", err)
	}
	return &History{dir: dir}, nil
}

// Versions are the versions of a store's notice; none where nothing was noted yet.
func (h *History) Versions(store string) (Past, error) {
	path, err := h.path(store)
	if err != nil {
		return Past{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return Past{}, nil
	}
	if err != nil {
		return Past{}, fmt.Errorf("read the versions of the notice: %w", err)
	}
	past, _, err := readFile(f, store)
	return past, errors.Join(err, f.Close())
}

// Note adds a version if the rules, stated or in force, differ from those of the last one, and then says what changed. It returns the
// number of the version that holds now. It is on disk when Note returns. What a crash left half-written at the end is cut off first.
func (h *History) Note(f Facts, now time.Time) (version int, changed bool, changes []Change, err error) {
	path, err := h.path(f.Store)
	if err != nil {
		return 0, false, nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return 0, false, nil, fmt.Errorf("note the version of the notice: %w: let the service write there", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	past, whole, err := readFile(file, f.Store)
	if err != nil {
		return 0, false, nil, err
	}
	last := past.last()
	if last.Number > 0 && last.Rules.Digest() == f.Rules.Digest() && last.Running().Digest() == f.Running().Digest() {
		return last.Number, false, nil, nil
	}
	next := Version{Number: past.next, At: now.UTC().Truncate(time.Second), Store: f.Store, Rules: f.Rules, InForce: f.InForce}
	if last.Number > 0 {
		if changes, err = changesBetween(last, next); err != nil {
			return 0, false, nil, err
		}
	}
	if err := add(file, whole, next); err != nil {
		return 0, false, nil, fmt.Errorf("note the version of the notice: %w", err)
	}
	return next.Number, true, changes, h.syncFolder()
}

// add writes one line behind the last whole one.
func add(file *os.File, whole int64, v Version) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := file.Truncate(whole); err != nil {
		return err
	}
	if _, err := file.WriteAt(append(line, '\n'), whole); err != nil {
		return err
	}
	return file.Sync()
}

func (h *History) syncFolder() error {
	folder, err := os.Open(h.dir)
	if err != nil {
		return fmt.Errorf("note the version of the notice: %w", err)
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func (h *History) path(store string) (string, error) {
	if !storeID.MatchString(store) {
		return "", fmt.Errorf("%q is no id of a store: name one of stores.yaml", store)
	}
	return filepath.Join(h.dir, store+".jsonl"), nil
}

// readFile reads a store's versions, and how many bytes the whole lines have.
func readFile(r io.Reader, store string) (Past, int64, error) {
	raw, err := io.ReadAll(io.LimitReader(r, historyMax+1))
	if err != nil {
		return Past{}, 0, fmt.Errorf("read the versions of the notice: %w", err)
	}
	if len(raw) > historyMax {
		return Past{}, 0, fmt.Errorf("read the versions of the notice of %s: the file is longer than %d MiB: move it away", store, historyMax>>20)
	}
	past, whole := parseHistory(raw, store)
	return past, int64(whole), nil
}
