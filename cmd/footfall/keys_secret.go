package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"filippo.io/age"
	"golang.org/x/term"
)

const (
	// leastPassphrase is how many characters a new keyring's passphrase has at least: a stolen file can be tried at leisure.
	leastPassphrase = 12
	// maxSecretFile bounds what is read of a passphrase or identity file, in bytes: a post-quantum identity has some 2 KiB.
	maxSecretFile = 64 << 10
	// maxScryptWork is the base-2 logarithm of the work a keyring's header may ask for: 1 GiB of memory. New ones ask for 18.
	maxScryptWork = 20
)

// secret is what opens a keyring and closes it again, and what to say where it does not. The passphrase in it is a string,
// which nothing can wipe; the process ends soon, and leaves no core dump.
type secret struct {
	identities []age.Identity
	recipients []age.Recipient
	wrong      string
}

// secret reads what opens the keyring: an identity, a passphrase from a file, or one from the terminal.
func (k *keysRun) secret(flags *ringFlags, fresh bool) (*secret, error) {
	if flags.identity != "" {
		return identitySecret(flags.identity)
	}
	passphrase, err := k.passphrase(flags, fresh)
	if err != nil {
		return nil, err
	}
	if fresh && utf8.RuneCountInString(passphrase) < leastPassphrase {
		return nil, fmt.Errorf("the passphrase of a new keyring is too short: use %d characters or more", leastPassphrase)
	}
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, fmt.Errorf("use the passphrase: %w: use another", err)
	}
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, fmt.Errorf("use the passphrase: %w: use another", err)
	}
	identity.SetMaxWorkFactor(maxScryptWork)
	return &secret{
		identities: []age.Identity{identity}, recipients: []age.Recipient{recipient},
		wrong: "the passphrase is wrong, or it was made with an identity: try again, or name the identity with --identity",
	}, nil
}

func (k *keysRun) passphrase(flags *ringFlags, fresh bool) (string, error) {
	if flags.passphrase != "" {
		return readPassphrase(flags.passphrase)
	}
	passphrase, err := k.ask("passphrase of " + flags.keyring + ": ")
	if err != nil {
		return "", err
	}
	if !fresh {
		return nonEmpty(passphrase)
	}
	again, err := k.ask("the same again: ")
	if err != nil {
		return "", err
	}
	if passphrase != again {
		return "", errors.New("the two passphrases are not the same: run it again")
	}
	return nonEmpty(passphrase)
}

func nonEmpty(passphrase string) (string, error) {
	if passphrase == "" {
		return "", errors.New("the passphrase is empty: run it again and type one, or use --passphrase-file or --identity")
	}
	return passphrase, nil
}

// readPassphrase reads a file of one line. No error holds any of it.
func readPassphrase(path string) (string, error) {
	text, err := readSecret("--passphrase-file", path)
	if err != nil {
		return "", err
	}
	passphrase := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if passphrase == "" || strings.ContainsAny(passphrase, "\n\r") {
		return "", fmt.Errorf("--passphrase-file %s has no line or more than one: write the passphrase alone into it", path)
	}
	return passphrase, nil
}

// identitySecret reads an identity file. What the parser says of it is dropped, because it can quote a line.
func identitySecret(path string) (*secret, error) {
	text, err := readSecret("--identity", path)
	if err != nil {
		return nil, err
	}
	s := &secret{wrong: "--identity " + path + " is not the one it was made with: name that one, or leave --identity out where it has a passphrase"}
	s.identities, err = age.ParseIdentities(strings.NewReader(string(text)))
	for _, one := range s.identities {
		switch i := one.(type) {
		case *age.X25519Identity:
			s.recipients = append(s.recipients, i.Recipient())
		case *age.HybridIdentity:
			s.recipients = append(s.recipients, i.Recipient())
		}
	}
	if err != nil || len(s.recipients) == 0 || len(s.recipients) != len(s.identities) {
		return nil, fmt.Errorf("--identity %s holds no identity, or one that cannot be read: make one with age-keygen -o %s", path, path)
	}
	return s, nil
}

// readSecret reads a file that not everybody may read.
func readSecret(option, path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: name a file that you may read", option, err)
	}
	defer f.Close() //nolint:errcheck // only read from
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: name a file that you may read", option, err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("%s: everybody may read %s: run: chmod o= %s", option, path, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: name a file that you may read", option, err)
	}
	if len(text) > maxSecretFile {
		return nil, fmt.Errorf("%s: %s is longer than %d bytes: name the right file", option, path, maxSecretFile)
	}
	return text, nil
}

// askTerminal asks on a terminal, without echo. When the context ends it gives the terminal its echo back.
func askTerminal(ctx context.Context, in *os.File, out io.Writer, prompt string) (string, error) {
	fd := int(in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", errors.New("there is no terminal on which to ask for the passphrase: use --passphrase-file or --identity")
	}
	type answer struct {
		text []byte
		err  error
	}
	answers := make(chan answer, 1)
	fmt.Fprint(out, prompt)
	go func() {
		text, err := term.ReadPassword(fd)
		answers <- answer{text, err}
	}()
	defer fmt.Fprintln(out)
	select {
	case <-ctx.Done():
		return "", errors.Join(fmt.Errorf("ask for the passphrase: %w: run it again", context.Cause(ctx)), term.Restore(fd, before))
	case a := <-answers:
		defer clear(a.text)
		if a.err != nil {
			return "", fmt.Errorf("read the passphrase: %w: use --passphrase-file or --identity", a.err)
		}
		return string(a.text), nil
	}
}
