package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// print writes the snapshot for people.
func (s *snapshot) print(out io.Writer) error {
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "what Footfall holds, as of %s UTC (footfall %s)\n", stamp(s.At), s.Software)
	if len(s.NotAsked) > 0 {
		fmt.Fprintf(w, "\nnot asked, so that more may be held:\n  %s\n", strings.Join(s.NotAsked, "\n  "))
	}
	s.printPlaces(w)
	fmt.Fprintf(w, "\ndevices in ClickHouse by store-day, exact counts of codes: an upper bound, a phone may have several\n")
	for _, d := range s.Devices {
		fmt.Fprintf(w, "  %s\t%s\t%d\t%s\n", d.Store, d.StoreDay, d.Devices, d.Table)
	}
	if len(s.Devices) == 0 {
		fmt.Fprintln(w, "  none")
	}
	if s.OptOuts != nil {
		fmt.Fprintf(w, "\nopt-outs: records %d, tags %d, in quarantine %d. About 2,000 allocated addresses share a tag; whoever holds the opt-out key, which\n"+
			"is on every sensor, can check whether a given address may be listed\n", s.OptOuts.Records, s.OptOuts.Tags, s.OptOuts.Quarantined)
	}
	s.printKeys(w)
	fmt.Fprintf(w, "\npolicies, by stores.yaml\n")
	for _, one := range s.Stores {
		returns := ""
		if one.ReturnS > 0 {
			returns = fmt.Sprintf(", return codes %d h", (one.ReturnS+3599)/3600)
		}
		fmt.Fprintf(w, "  %s\t%s\tcodes live %s at most, %s from a sensor that was online%s\t%s\n", one.Store, one.Policy,
			hours(time.Duration(one.LongestS)*time.Second), hours(time.Duration(one.OnlineS)*time.Second), returns, one.LegalBasis)
	}
	s.printSensors(w)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the snapshot: %w", err)
	}
	_, err := text.WriteTo(out)
	return err
}

func (s *snapshot) printPlaces(w io.Writer) {
	fmt.Fprintf(w, "\nplace\tstore\tcount, at most\toldest\tnewest\tlimit\tverdict\n")
	for _, p := range s.Places {
		limit := "stays"
		if p.LimitS > 0 {
			limit = hours(time.Duration(p.LimitS) * time.Second)
		}
		fmt.Fprintf(w, "  %s %s\t%s\t%d\t%s\t%s\t%s\t%s\n", p.Kind, p.Name, orDash(p.Store), p.Count, stampOr(p.Oldest), stampOr(p.Newest), limit,
			strings.TrimSuffix(p.Verdict+": "+p.Reason, ": "))
	}
}

func (s *snapshot) printKeys(w io.Writer) {
	fmt.Fprintf(w, "\nkeys that live. Whoever has them can compute the codes of addresses that are known to him, of the day named and of later ones;\n"+
		"nobody can for earlier days, unless an older copy of the key state exists. Sensors also have the return keys of the week and the four before\n")
	for _, k := range s.Keys {
		fmt.Fprintf(w, "  %s\t%s\tday %s\tweek of %s\t%s\n", k.Store, k.Where, k.Day, k.Week, issued(k))
	}
	if len(s.Keys) == 0 {
		fmt.Fprintln(w, "  none is known: no sensor said it, and no keyring was named")
	}
}

func issued(k liveKeys) string {
	if k.Issue == "" {
		return ""
	}
	return fmt.Sprintf("issue %s, made %s, bundles issued: %d", k.Issue, k.Made, k.Bundles)
}

func (s *snapshot) printSensors(w io.Writer) {
	fmt.Fprintf(w, "\nsensors, as they said last\n")
	for i := range s.Sensors {
		r := &s.Sensors[i]
		trouble := "no trouble"
		if len(r.Trouble) > 0 {
			trouble = "trouble: " + strings.Join(r.Trouble, ", ")
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\tlist %d\tspool %d bytes, oldest %s\t%s\n",
			r.Store, r.Sensor, stamp(r.Made), r.Policy, r.ListVersion, r.SpoolBytes, stampOr(r.SpoolOldest), trouble)
	}
	if len(s.Sensors) == 0 {
		fmt.Fprintln(w, "  none said anything")
	}
}

func stampOr(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return stamp(*t)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
