package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"filippo.io/age"

	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/keys/onlycopy"
)

// maxRingFile bounds what is read of an encrypted keyring, in bytes: age adds 16 to each 64 KiB, and a header.
const maxRingFile = keys.MaxKeyring + keys.MaxKeyring/1024 + 64<<10

// ringFlags say which keyring, and what opens it.
type ringFlags struct {
	keyring, passphrase, identity string
}

func addRingFlags(f *flagSet) *ringFlags {
	r := &ringFlags{}
	f.StringVar(&r.keyring, "keyring", "keyring.age", "`file` of the encrypted keyring")
	f.StringVar(&r.passphrase, "passphrase-file", "", "`file` with the keyring's passphrase; asked for on the terminal where empty")
	f.StringVar(&r.identity, "identity", "", "age identity `file`, made by age-keygen, that opens the keyring instead of a passphrase")
	return r
}

// ringFile is an open keyring: nobody else has it until it is closed.
type ringFile struct {
	path   string
	lock   *os.File
	secret *secret
	ring   *keys.Keyring // nil where the file has yet to be made
}

// change opens the keyring, turns its chains to today, changes it and puts it in place of the older version, which is
// overwritten. Where there is no keyring, begin makes it; a nil begin refuses. After an error the file is as it was.
func (k *keysRun) change(f *flagSet, flags *ringFlags, begin func() (*keys.Keyring, error), do func(*keys.Keyring) error) error {
	file, err := k.open(f, flags, begin != nil)
	if err != nil {
		return err
	}
	defer file.close()
	if file.ring == nil {
		if file.ring, err = begin(); err != nil {
			return err
		}
	}
	if err := file.ring.Advance(k.now()); err != nil {
		return fmt.Errorf("turn the keyring's keys: %w", err)
	}
	if err := do(file.ring); err != nil {
		return err
	}
	return file.save()
}

// open locks and decrypts the keyring. Where there is none and there may be a new one, its ring is nil.
func (k *keysRun) open(f *flagSet, flags *ringFlags, mayBegin bool) (*ringFile, error) {
	if flags.passphrase != "" && flags.identity != "" {
		return nil, f.wrong("--passphrase-file, --identity: use one of them")
	}
	if !mayBegin && !exists(flags.keyring) {
		return nil, fmt.Errorf("there is no keyring %s: make it with footfall keys make, or name it with --keyring", flags.keyring)
	}
	lock, err := lockBeside(flags.keyring, "keyring", "footfall keys")
	if err != nil {
		return nil, err
	}
	file := &ringFile{path: flags.keyring, lock: lock}
	fresh := !exists(file.path)
	if file.secret, err = k.secret(flags, fresh); err == nil && !fresh {
		file.ring, err = file.read()
	}
	if err != nil {
		file.close()
		return nil, err
	}
	return file, nil
}

// close forgets the keys and lets others have the keyring.
func (r *ringFile) close() {
	if r.ring != nil {
		r.ring.Wipe()
	}
	_ = r.lock.Close() // it holds nothing, and gives the lock back either way
}

func (r *ringFile) read() (*keys.Keyring, error) {
	raw, err := onlycopy.Read(r.path, maxRingFile)
	if err != nil {
		return nil, fmt.Errorf("read the keyring: %w: name it with --keyring", err)
	}
	const anew = "move it away and make its stores anew with footfall keys make; their sensors then need new bundles"
	plain, err := age.Decrypt(bytes.NewReader(raw), r.secret.identities...)
	if none := (*age.NoIdentityMatchError)(nil); errors.As(err, &none) {
		return nil, fmt.Errorf("%s cannot be opened: %s", r.path, r.secret.wrong)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is damaged or no keyring: %w: %s", r.path, err, anew)
	}
	text := bytes.NewBuffer(make([]byte, 0, len(raw)+bytes.MinRead)) // never grown: that would leave a copy behind
	defer func() { clear(text.Bytes()) }()
	if _, err := text.ReadFrom(io.LimitReader(plain, keys.MaxKeyring+1)); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w: %s", r.path, err, anew)
	}
	ring, err := keys.DecodeKeyring(text.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%s cannot be used: %w: %s", r.path, err, anew)
	}
	return ring, nil
}

func (r *ringFile) save() error {
	text, err := r.ring.Encode()
	if err != nil {
		return err
	}
	defer clear(text)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, r.secret.recipients...)
	if err != nil {
		return fmt.Errorf("encrypt the keyring: %w: use an identity file with one identity", err)
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("encrypt the keyring: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("encrypt the keyring: %w", err)
	}
	if err := onlycopy.Write(r.path, sealed.Bytes()); err != nil {
		return fmt.Errorf("save the keyring: %w: check that its folder is writable and not full", err)
	}
	return nil
}

// lockBeside takes a file that is replaced as a whole for this process: its lock is a file beside it, which stays. The program is the one
// that others have it open in.
func lockBeside(path, what, program string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the %s: %w: choose a writable folder with --%s", what, err, what)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("another %s has %s open: wait until it has ended, then run this again", program, path)
		}
		return nil, fmt.Errorf("lock the %s %s: %w: keep it on a local disk", what, path, err)
	}
	return f, nil
}
