package notice

import (
	"bytes"
	"encoding/json"
)

// parseHistory reads the lines of a store's file. A line that is no version of the store, or whose number does not grow, is
// counted as damaged and left where it is. A last line without its end is counted too, and is not part of whole: nobody was told
// of it, so its number is given again.
func parseHistory(raw []byte, store string) (past Past, whole int) {
	past.next = 1
	for len(raw) > whole {
		n := bytes.IndexByte(raw[whole:], '\n')
		if n < 0 {
			past.Damaged++
			return past, whole
		}
		v, ok := parseVersion(raw[whole : whole+n])
		whole += n + 1
		if !ok || v.Store != store || v.Number <= past.last().Number || v.Number > past.next {
			past.Damaged++
			past.next++ // it may have been a version
			continue
		}
		past.Versions = append(past.Versions, v)
		past.next = v.Number + 1
	}
	return past, whole
}

func parseVersion(line []byte) (Version, bool) {
	var v Version
	err := json.Unmarshal(line, &v)
	return v, err == nil && v.Rules.Policy != ""
}

// last is the newest version, or the zero Version.
func (p Past) last() Version {
	if len(p.Versions) == 0 {
		return Version{}
	}
	return p.Versions[len(p.Versions)-1]
}
