package notice

import (
	"cmp"
	"time"
)

// Widen makes the facts state also what earlier versions of the notice allowed, for as long as something may be there that was made
// under them. After a change from standard to count-only the codes of the day before are still held: they go when they would have
// gone, after the LongestLife of the version that ended, return codes after its ReturnLife. What the store runs under now is kept in
// InForce. Return filters need nothing of this: a sensor destroys them when the policy is another.
func Widen(f Facts, past Past, now time.Time) Facts {
	own := f.Running()
	wide := own
	for i, v := range past.Versions {
		ended := now // the last one ends at the latest when these facts are noted
		if i+1 < len(past.Versions) {
			ended = past.Versions[i+1].At
		}
		if was := v.Running(); now.Before(ended.Add(was.keeps())) {
			wide = wide.and(was)
		}
	}
	f.Rules, f.InForce = wide, nil
	if wide.Digest() != own.Digest() {
		f.InForce = &own
	}
	return f
}

// keeps is how long something is kept after the last moment of the rules.
func (r Rules) keeps() time.Duration { return time.Duration(max(r.LongestLife, r.ReturnLife)) }

// and is the rules with what others keep of codes.
func (r Rules) and(was Rules) Rules {
	if was.Policy == CountOnly {
		return r
	}
	if r.Policy == CountOnly || was.Policy == Extended {
		r.Policy = was.Policy
	}
	r.SealAfter, r.SpoolIDAge = max(r.SealAfter, was.SealAfter), max(r.SpoolIDAge, was.SpoolIDAge)
	r.OnlineLife, r.LongestLife = max(r.OnlineLife, was.OnlineLife), max(r.LongestLife, was.LongestLife)
	if was.ReturnCodes {
		r.ReturnCodes, r.LegalBasis = true, cmp.Or(r.LegalBasis, was.LegalBasis)
		r.CodeDays, r.CodeKeyDays, r.CodeBits = max(r.CodeDays, was.CodeDays), max(r.CodeKeyDays, was.CodeKeyDays), max(r.CodeBits, was.CodeBits)
		r.ReturnLife, r.TagDays = max(r.ReturnLife, was.ReturnLife), max(r.TagDays, was.TagDays)
	}
	return r
}
