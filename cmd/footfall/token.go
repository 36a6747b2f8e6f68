package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/openfootfall/footfall/dashboards/tokens"
	"github.com/openfootfall/footfall/ingest/stores"
)

const tokenHelp = `usage: footfall token <what> [flags]        footfall token <what> -help says more

footfall token says who may read the numbers over the API of footfall serve, and who may bring some. A token has a role:

  manager   reads the visits of its stores
  office    reads everything that is published, of all stores
  operator  reads how sensors do and how old things are; no counts of visits
  import    brings transactions and annotations; reads nothing

  footfall token make --role manager --store quay --name "manager of Quay Street" --expires 2027-01-01
  footfall token list
  footfall token revoke --name "manager of Quay Street"

The file of tokens (api.tokens of footfall.yaml) holds no token, only hashes. A running footfall serve sees a change within a second.

`

// defaultTokens is the file of tokens where nothing else is said.
const defaultTokens = "tokens.yaml"

// tokenRun is what the parts of footfall token need of the world.
type tokenRun struct {
	now       func() time.Time
	random    io.Reader
	out, errs io.Writer
}

// tokenPart is one of the commands under footfall token.
type tokenPart struct {
	name, short string
	run         func(k *tokenRun, args []string) error
}

func tokenParts() []tokenPart {
	return []tokenPart{
		{"make", "make a token, and show it this once", (*tokenRun).make},
		{"list", "list the tokens: names, roles, stores, ends; never the tokens", (*tokenRun).list},
		{"revoke", "take a token back", (*tokenRun).revoke},
	}
}

func tokenCommand(_ context.Context, args []string, out, errs io.Writer) error {
	return (&tokenRun{now: time.Now, random: rand.Reader, out: out, errs: errs}).run(args)
}

func (k *tokenRun) run(args []string) error {
	if len(args) > 0 && slices.Contains([]string{"-help", "--help", "-h", "help"}, args[0]) {
		fmt.Fprint(k.out, tokenHelp)
		for _, p := range tokenParts() {
			fmt.Fprintf(k.out, "  %-10s %s\n", p.name, p.short)
		}
		return nil
	}
	var names []string
	for _, p := range tokenParts() {
		if len(args) > 0 && args[0] == p.name {
			return p.run(k, args[1:])
		}
		names = append(names, p.name)
	}
	return k.flags("", "").wrong("say what to do: %s", strings.Join(names, ", "))
}

func (k *tokenRun) flags(part, help string) *flagSet {
	return flags(strings.TrimSpace("token "+part), "usage: footfall token "+part+" [flags]\n\n"+help, k.out, k.errs)
}

// fileFlag names the file of tokens.
func fileFlag(f *flagSet) *string {
	return f.String("tokens", defaultTokens, "`file` of tokens: api.tokens of footfall.yaml")
}

const tokenMakeHelp = `footfall token make makes a token and prints it, once: it is kept nowhere. Whoever has it sends it as Authorization: Bearer ff_...,
never in an address. It ends at midnight UTC of the day that --expires names.

  footfall token make --stores stores.yaml --role manager --store quay --store far --name "manager of Quay Street" --expires 2027-01-01
  footfall token make --role office --name "head office" --expires 2027-01-01 > office.token`

func (k *tokenRun) make(args []string) error {
	f := k.flags("make", tokenMakeHelp)
	file := fileFlag(f)
	role := f.String("role", "", "`role`: manager, office, operator or import")
	name := f.String("name", "", "`name` of whoever has it, a role or a program and no person, because the audit log has it beside what was brought; no two tokens have the same")
	expires := f.String("expires", "", "`date` on which it ends, such as 2027-01-01")
	known := storesFlag(f)
	var of []string
	f.Func("store", "a `store` that it is for, by its name in stores.yaml; may be there more than once, and a manager's is; without it all stores", func(s string) error {
		of = append(of, s)
		return nil
	})
	if err := f.parse(args); err != nil {
		return err
	}
	for flag, value := range map[string]string{"role": *role, "name": *name, "expires": *expires} {
		if value == "" {
			return f.wrong("--%s is missing", flag)
		}
	}
	if err := inStores(*known, of); err != nil {
		return err
	}
	made := tokens.Token{Name: *name, Role: tokens.Role(*role), Stores: of, Made: k.now().UTC().Format(time.DateOnly), Expires: *expires}
	secret, err := k.add(*file, made)
	if err != nil {
		return err
	}
	fmt.Fprintln(k.errs, "This is the token. It is shown this once; keep it where passwords are kept:")
	_, err = fmt.Fprintln(k.out, secret)
	return err
}

// storesFlag names the file that says which stores there are.
func storesFlag(f *flagSet) *string {
	return f.String("stores", "", "`file` of the chain's stores: a store that it does not have is refused; not looked at where empty")
}

// inStores refuses a name that the file of stores does not have: its token would read nothing, and nobody would say why.
func inStores(file string, names []string) error {
	if file == "" {
		return nil
	}
	list, err := stores.Load(file)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !slices.ContainsFunc(list, func(s stores.Store) bool { return s.ID == name }) {
			return fmt.Errorf("%s has no store %q: write one of its names with --store, or add the store there first", file, name)
		}
	}
	return nil
}

// add draws a token and puts it into the file. The file is locked meanwhile: of two that read and write it at once, one would lose the
// other's token.
func (k *tokenRun) add(file string, made tokens.Token) (secret string, err error) {
	lock, err := lockTokens(file)
	if err != nil {
		return "", err
	}
	defer lock.Close() //nolint:errcheck // it holds nothing, and gives the lock back either way
	list, err := tokens.Load(file)
	if err != nil && !tokens.Missing(err) {
		return "", err
	}
	if slices.ContainsFunc(list.Tokens, func(t tokens.Token) bool { return t.Name == made.Name }) {
		return "", fmt.Errorf("there is a token named %q already: give this one another name, or revoke that one first", made.Name)
	}
	if secret, made.SHA256, err = tokens.New(k.random); err != nil {
		return "", err
	}
	if err := (&tokens.List{Tokens: []tokens.Token{made}}).Check(); err != nil {
		return "", err
	}
	if made.Expired(k.now()) {
		return "", fmt.Errorf("the token would have ended on %s already: give a later date with --expires", made.Expires)
	}
	list.Tokens = append(list.Tokens, made)
	return secret, list.Save(file)
}

func lockTokens(file string) (*os.File, error) {
	return lockBeside(file, "tokens", "footfall token")
}

const tokenListHelp = `footfall token list prints who has a token, for what, and until when. It knows no token.

  footfall token list`

func (k *tokenRun) list(args []string) error {
	f := k.flags("list", tokenListHelp)
	file := fileFlag(f)
	if err := f.parse(args); err != nil {
		return err
	}
	list, err := tokens.Load(*file)
	if err != nil && !tokens.Missing(err) {
		return err
	}
	if len(list.Tokens) == 0 {
		_, err := fmt.Fprintf(k.out, "there is no token in %s: footfall token make makes one\n", *file)
		return err
	}
	width := 4
	for _, t := range list.Tokens {
		width = max(width, len([]rune(t.Name)))
	}
	fmt.Fprintf(k.out, "%-*s  %-8s  %-10s  %-10s  %s\n", width, "name", "role", "made", "ends", "stores")
	for _, t := range list.Tokens {
		of, ends := "all", t.Expires
		if len(t.Stores) > 0 {
			of = strings.Join(t.Stores, " ")
		}
		if t.Expired(k.now()) {
			of += "  (it has ended)"
		}
		fmt.Fprintf(k.out, "%-*s  %-8s  %-10s  %-10s  %s\n", width, t.Name, t.Role, t.Made, ends, of)
	}
	return nil
}

const tokenRevokeHelp = `footfall token revoke takes a token back: a running footfall serve refuses it within a second.

  footfall token revoke --name "manager of Quay Street"`

func (k *tokenRun) revoke(args []string) error {
	f := k.flags("revoke", tokenRevokeHelp)
	file := fileFlag(f)
	name := f.String("name", "", "`name` of the token, as footfall token list prints it")
	if err := f.parse(args); err != nil {
		return err
	}
	if *name == "" {
		return f.wrong("--name is missing")
	}
	if _, err := os.Stat(*file); errors.Is(err, fs.ErrNotExist) { // before the lock is made, beside what is not there
		return fmt.Errorf("there is no file of tokens %s: name the one that api.tokens of footfall.yaml names, with --tokens", *file)
	}
	lock, err := lockTokens(*file)
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // it holds nothing, and gives the lock back either way
	list, err := tokens.Load(*file)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(list.Tokens), func(t tokens.Token) bool { return t.Name == *name })
	if len(left) == len(list.Tokens) {
		return errors.New("there is no token of that name: footfall token list prints those that there are")
	}
	list.Tokens = left
	if err := list.Save(*file); err != nil {
		return err
	}
	_, err = fmt.Fprintln(k.out, "revoked")
	return err
}
