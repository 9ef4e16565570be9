package telemetry

import "strings"

const (
	// minFragment is the shortest part of a secret, in bytes, that is replaced.
	minFragment = 16
	// probeSize is the length of the probes, the pieces of text that are looked up. Every part of minFragment bytes
	// contains a whole probe that begins at a multiple of probeSize.
	probeSize = minFragment / 2
)

// fragments finds parts of secrets in text, in any letter case.
type fragments struct {
	secrets []string // lower case
	places  map[[probeSize]byte][]place
}

// place is where a probe occurs in a secret.
type place struct{ secret, offset int }

// add adds a secret, in lower case, of at least minFragment bytes.
func (f *fragments) add(secret string) {
	if f.places == nil {
		f.places = map[[probeSize]byte][]place{}
	}
	for offset := 0; offset+probeSize <= len(secret); offset++ {
		probe := probeAt(secret, offset)
		f.places[probe] = append(f.places[probe], place{len(f.secrets), offset})
	}
	f.secrets = append(f.secrets, secret)
}

// probeAt returns the probe of s at i, in lower case.
func probeAt(s string, i int) (probe [probeSize]byte) {
	for k := range probe {
		probe[k] = lowerByte(s[i+k])
	}
	return probe
}

// replace returns s with every part of a secret replaced.
func (f *fragments) replace(s string) string {
	if len(f.secrets) == 0 || len(s) < minFragment {
		return s
	}
	var out strings.Builder
	copied := 0 // how much of s is in out
	for i := 0; i+probeSize <= len(s); i += probeSize {
		if i < copied {
			continue
		}
		start, end := f.longest(s, i, copied)
		if end-start < minFragment {
			continue
		}
		if start > copied || copied == 0 {
			out.WriteString(s[copied:start])
			out.WriteString(Redacted)
		}
		copied = end
	}
	if copied == 0 {
		return s
	}
	out.WriteString(s[copied:])
	return out.String()
}

// longest returns the longest part of a secret in s that contains the probe at i and begins at from or later.
func (f *fragments) longest(s string, i, from int) (start, end int) {
	for _, p := range f.places[probeAt(s, i)] {
		secret := f.secrets[p.secret]
		a, b := i, i+probeSize
		for k := p.offset; a > from && k > 0 && lowerByte(s[a-1]) == secret[k-1]; k-- {
			a--
		}
		for k := p.offset + probeSize; b < len(s) && k < len(secret) && lowerByte(s[b]) == secret[k]; k++ {
			b++
		}
		if b-a > end-start {
			start, end = a, b
		}
	}
	return start, end
}

// replaceFold returns s with every occurrence of form in any letter case replaced. form is in lower case and not
// empty.
func replaceFold(s, form string) string {
	i := indexFold(s, form)
	if i < 0 {
		return s
	}
	var out strings.Builder
	for ; i >= 0; i = indexFold(s, form) {
		out.WriteString(s[:i])
		out.WriteString(Redacted)
		s = s[i+len(form):]
	}
	out.WriteString(s)
	return out.String()
}

func containsFold(s, form string) bool { return indexFold(s, form) >= 0 }

// indexFold is strings.Index in any letter case of s. form is in lower case.
func indexFold(s, form string) int {
	for i := 0; i+len(form) <= len(s); i++ {
		k := 0
		for k < len(form) && lowerByte(s[i+k]) == form[k] {
			k++
		}
		if k == len(form) {
			return i
		}
	}
	return -1
}

// lower returns s with only its ASCII letters changed to lower case, so that the length stays.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = lowerByte(c)
	}
	return string(b)
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
