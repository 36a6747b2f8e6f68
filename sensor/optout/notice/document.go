package notice

import "slices"

// Document is the notice in a language of Languages. The error says that there is no such language, or that a text of it does
// not fit the facts, which its tests rule out.
func (f Facts) Document(lang string) (Document, error) {
	t, err := textsOf(lang)
	if err != nil {
		return Document{}, err
	}
	return f.documentIn(t)
}

func (f Facts) documentIn(t *texts) (Document, error) {
	s := &speaker{texts: t}
	w := s.words(f)
	d := Document{Lang: t.lang, Title: s.sentence("title", w), Summary: s.sentence("summary."+f.Rules.Policy, w)}
	for _, part := range f.outline() {
		section := Section{ID: part.id, Heading: s.sentence(part.id, w)}
		for _, key := range part.paragraphs {
			section.Paragraphs = append(section.Paragraphs, s.sentence(key, w))
		}
		for _, key := range part.items {
			section.Items = append(section.Items, s.sentence(key, w))
		}
		if part.id == "hours" {
			section.Items = append(s.opening(f.Rules.Hours), s.otherHours(f.Rules.OtherHours)...)
		}
		d.Sections = append(d.Sections, section)
	}
	return d, s.err
}

// otherHours are the opening hours under which sensors work that have not heard of the store's yet.
func (s *speaker) otherHours(list []Opening) []string {
	var lines []string
	for _, other := range list {
		zone := map[string]string{"TimeZone": clean(other.TimeZone)}
		for _, line := range s.opening(other.Hours) {
			lines = append(lines, s.sentence("hours.other", zone)+" "+line)
		}
	}
	return lines
}

// part is a section as keys of the texts. Its id is the key of its heading.
type part struct {
	id                string
	paragraphs, items []string
}

// outline is what the notice says, and in which order. Each part says the same of every store but where the rules differ.
func (f Facts) outline() []part {
	r := f.Rules
	parts := []part{
		{"now", f.now(), nil},
		{"purpose", []string{"purpose." + r.Policy, "purpose.listen"}, nil},
		{"heard", []string{"heard.signal", "heard.changing", "heard.class"}, nil},
		{"radius", []string{"radius.inside", "radius.passers", "radius.walls"}, nil},
		{"hours", pick(r.Hours == alwaysOpen && len(r.OtherHours) == 0, "hours.none", "hours.closed_is_closed"), nil},
		{"codes", r.codes(), nil},
		{"kept", append(pick(r.Policy == CountOnly, "kept.counts", "kept.visits"), r.kept()...), append([]string{"kept.no_address", "kept.no_names"}, pick(r.ReturnCodes, "kept.tags_link", "kept.no_link")...)},
	}
	if r.ReturnCodes {
		parts = slices.Insert(parts, 0, part{"extended", append(pick(r.LegalBasis == "", "extended.no_basis", "extended.basis"),
			"extended.codes", "extended.keys", "extended.tags"), nil})
	}
	if r.ReturnFilter {
		parts = append(parts, part{"returns", []string{"returns.bits", "returns.bound", "returns.limits"}, nil})
	}
	return append(parts,
		part{"where", append(pick(r.OneComputer, "where.one", "where.many"), "where.others"), nil},
		part{"optout", append([]string{"optout.how", "optout.seconds"}, r.optOut()...), nil},
		part{"limits", []string{"limits.address", "limits.wifi_off"}, nil},
		part{"list", []string{"list.holds", "list.shared"}, nil},
		part{"accident", []string{f.accident()}, nil},
		part{"contact", []string{"contact.who"}, nil},
	)
}

func pick(first bool, yes, no string) []string {
	if first {
		return []string{yes}
	}
	return []string{no}
}

func (f Facts) now() []string {
	keys := []string{"now.moment", "now." + f.Now.State}
	if f.Now.Asked {
		keys = append(keys, "now.online")
	} else {
		keys = append(keys, "now.unasked")
	}
	if f.Now.Asked && f.Now.Known < f.Now.Sensors {
		keys = append(keys, "now.known")
	}
	if f.Now.CountOnly > 0 {
		keys = append(keys, "now.fail_closed")
	}
	switch {
	case f.Running().Policy != f.Rules.Policy:
		keys = append(keys, "now.held_policy")
	case f.Rules.Policy != f.Rules.SetPolicy:
		keys = append(keys, "now.other_policy")
	}
	return keys
}

func (r Rules) codes() []string {
	if r.Policy == CountOnly {
		return []string{"codes.none", "codes.memory"}
	}
	keys := append([]string{"codes.made", "codes.test", "codes.key"}, pick(r.SealAfter == 0, "codes.sealed_at_once", "codes.sealed")...)
	return append(keys, "codes.life", "codes.waiting", "codes.outage")
}

func (r Rules) kept() []string {
	if r.Policy == CountOnly {
		return []string{"kept.rounded", "kept.exact_counts"}
	}
	return []string{"kept.rounded", "kept.exact"}
}

func (r Rules) optOut() []string {
	keys := []string{"optout.offline"}
	if r.Policy == CountOnly {
		keys = append(keys, "optout.totals")
	} else {
		keys = append(keys, "optout.today", "optout.restart")
	}
	if r.ReturnFilter {
		keys = append(keys, "optout.bits")
	}
	if r.ReturnCodes {
		keys = append(keys, "optout.return_codes")
	}
	return append(keys, "optout.receipt")
}

func (f Facts) accident() string {
	switch {
	case f.Now.OneIn < 0:
		return "accident.unknown"
	case f.Now.OneIn == 0:
		return "accident.none"
	}
	return "accident.one_in"
}
