package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// errUsage says that the flags were wrong and that it was said already.
var errUsage = errors.New("usage")

// flagSet is a command's flags with its help: written prose, then the flags.
type flagSet struct {
	*flag.FlagSet
	help      string
	out, errs io.Writer
}

func flags(name, help string, out, errs io.Writer) *flagSet {
	f := &flagSet{flag.NewFlagSet(name, flag.ContinueOnError), help, out, errs}
	f.SetOutput(io.Discard) // what is wrong is said once, by wrong, and help goes to standard output
	return f
}

// parse parses a command's flags and refuses arguments that are none. The error is flag.ErrHelp, after the help was printed, or
// errUsage, after it was said what is wrong.
func (f *flagSet) parse(args []string) error {
	if err := f.parseWithFiles(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return f.wrong("%q is not a flag", f.Arg(0))
	}
	return nil
}

// parseWithFiles is parse for a command whose arguments are files.
func (f *flagSet) parseWithFiles(args []string) error {
	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		f.printHelp()
		return err
	}
	if err != nil {
		return f.wrong("%v", err)
	}
	return nil
}

// wrong says what is wrong with the arguments and where help is. It returns errUsage.
func (f *flagSet) wrong(format string, args ...any) error {
	fmt.Fprintf(f.errs, "footfall %s: %s: footfall %s -help lists the flags\n", f.Name(), fmt.Sprintf(format, args...), f.Name())
	return errUsage
}

func (f *flagSet) printHelp() {
	fmt.Fprint(f.out, f.help, "\n\nflags:\n")
	f.VisitAll(func(one *flag.Flag) {
		value, text := flag.UnquoteUsage(one)
		fmt.Fprintln(f.out, strings.TrimRight("  --"+one.Name+" "+value, " "))
		if one.DefValue != "" && one.DefValue != "false" {
			text += " (default " + one.DefValue + ")"
		}
		fmt.Fprintf(f.out, "        %s\n", text)
	})
}
