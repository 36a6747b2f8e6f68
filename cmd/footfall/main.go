// Command footfall is everything of Footfall but the sensor: the demo, footfall try, the aggregator, keys.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command is one subcommand. Its error is printed once, by execute.
type command struct {
	name, short string
	run         func(ctx context.Context, args []string, out, errs io.Writer) error
}

func commands() []command {
	return []command{
		{"try", "count the visitors in your own captures: nothing is kept", tryCommand},
		{"demo", "a simulated store through the whole pipeline, with a report beside the truth", demoCommand},
		{"serve", "everything for one box: Kafka, ClickHouse, aggregator, the pages for shoppers", serveCommand},
		{"optout", "the pages with which shoppers have an address excluded", optOutCommand},
		{"aggregate", "from Kafka to ClickHouse: visits, dwell, new versus repeat", aggregateCommand},
		{"keys", "make a store's keys and its sensors' bundles", keysCommand},
		{"audit", "prove how old what is kept is, and verify the audit log", auditCommand},
		{"incident", "list what is held, how old it is, and which keys live", incidentCommand},
		{"notice", "print a store's privacy notice, made from what runs", noticeCommand},
		{"token", "who may read the numbers over the API, and who may bring some", tokenCommand},
		{"look", "show a store's numbers as a web page", lookCommand},
		{"import", "take the tills' transactions from CSV", importCommand},
		{"annotate", "note a promotion, a holiday or a closure", annotateCommand},
		{"effect", "say what promotions did to the visits", effectCommand},
		{"report", "print a store's published days and weeks", reportCommand},
		{"simulate", "write captures of a simulated store, and the truth", simulateCommand},
		{"migrate", "bring a ClickHouse database to this version's tables", migrateCommand},
	}
}

const usage = `footfall counts a store's visits, dwell and new versus repeat visitors from Wi-Fi probe requests.

usage: footfall <command> [flags]        footfall <command> -help says more

`

// execute runs one command and returns the exit status: 0 done, 1 failed, 2 wrong usage.
func execute(ctx context.Context, args []string, out, errs io.Writer) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-help" || args[0] == "--help" || args[0] == "-h" {
		fmt.Fprint(out, usage)
		for _, c := range commands() {
			fmt.Fprintf(out, "  %-10s %s\n", c.name, c.short)
		}
		if len(args) == 0 {
			return 2
		}
		return 0
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, args[1:], out, errs)
		switch {
		case err == nil, errors.Is(err, flag.ErrHelp):
			return 0
		case errors.Is(err, errUsage):
			return 2
		}
		fmt.Fprintf(errs, "footfall %s: %v\n", c.name, err)
		return 1
	}
	fmt.Fprintf(errs, "footfall: %q is not a command: footfall help lists them\n", args[0])
	return 2
}
