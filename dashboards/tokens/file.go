package tokens

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// largestFile bounds a file of tokens, in bytes: some thousands of them.
const largestFile = 1 << 20

const fileHead = "# Who may read the published numbers: footfall token make, list and revoke write this file. It holds no token, only their SHA-256.\n"

// List is what a file of tokens holds.
type List struct {
	Tokens []Token `yaml:"tokens"`
}

// Parse reads a list. Unknown keys are errors, and the error says everything that is wrong.
func Parse(text []byte) (List, error) {
	var list List
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&list); err != nil && !errors.Is(err, io.EOF) {
		return List{}, fmt.Errorf("%w: undo what was changed by hand, or remove the file and make the tokens again", err)
	}
	return list, list.Check()
}

// Check says everything that is wrong with the list.
func (l *List) Check() error {
	var errs []error
	names, sums := map[string]bool{}, map[string]bool{}
	for i := range l.Tokens {
		t := &l.Tokens[i]
		err := t.check()
		if names[t.Name] || sums[t.SHA256] {
			err = errors.Join(err, errors.New("its name or its sha256 is another one's, too: revoke one of them"))
		}
		names[t.Name], sums[t.SHA256] = true, true
		if err != nil {
			errs = append(errs, fmt.Errorf("token %d: %w", i+1, err))
		}
	}
	return errors.Join(errs...)
}

// Load reads a file of tokens. One that others than its owner may read or write is refused. Where there is none the error is
// fs.ErrNotExist.
func Load(path string) (List, error) {
	file, err := os.Open(path)
	if err != nil {
		return List{}, fmt.Errorf("read the tokens: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read from
	about, err := file.Stat()
	if err != nil {
		return List{}, fmt.Errorf("read the tokens: %w", err)
	}
	if about.Mode().Perm()&0o077 != 0 {
		return List{}, fmt.Errorf("others than its owner may read or write %s: chmod 600 it, and look who made it so", path)
	}
	text, err := io.ReadAll(io.LimitReader(file, largestFile+1))
	if err != nil {
		return List{}, fmt.Errorf("read the tokens: %w", err)
	}
	if len(text) > largestFile {
		return List{}, fmt.Errorf("%s has more than %d bytes: it is no file of tokens; name another", path, largestFile)
	}
	list, err := Parse(text)
	if err != nil {
		return List{}, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

// Save replaces a file of tokens, whole or not at all. Only its owner may read it.
func (l *List) Save(path string) error {
	if err := l.Check(); err != nil {
		return err
	}
	text, err := yaml.Marshal(l)
	if err != nil {
		return fmt.Errorf("write the tokens: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".tokens-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write the tokens: %w: choose a file in a writable folder", err)
	}
	_, err = file.Write(append([]byte(fileHead), text...))
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the tokens: %w: look at the disk", err), os.Remove(file.Name()))
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("write the tokens: %w", err)
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Missing reports whether an error of Load is that there is no file yet.
func Missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
