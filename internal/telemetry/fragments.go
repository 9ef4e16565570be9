package telemetry

import "strings"

const (
	// minFragment is the length in bytes from which a part of a secret counts as one.
	minFragment = 16
	// probe is the length of the pieces by which parts are found. Every part of
	// minFragment bytes holds a whole piece of the text that begins at a multiple of it.
	probe = minFragment / 2
)

// fragments finds parts of secrets in text, whatever the letter case.
type fragments struct {
	secrets []string // lower case
	places  map[[probe]byte][]place
}

// place is where a piece stands in a secret.
type place struct{ secret, offset int }

// add adds a secret, in lower case, of at least minFragment bytes.
func (f *fragments) add(secret string) {
	if f.places == nil {
		f.places = map[[probe]byte][]place{}
	}
	for offset := 0; offset+probe <= len(secret); offset++ {
		piece := pieceAt(secret, offset)
		f.places[piece] = append(f.places[piece], place{len(f.secrets), offset})
	}
	f.secrets = append(f.secrets, secret)
}

// pieceAt returns the piece of s at i, in lower case.
func pieceAt(s string, i int) (piece [probe]byte) {
	for k := range piece {
		piece[k] = lowerByte(s[i+k])
	}
	return piece
}

// replace returns s with every part of a secret replaced.
func (f *fragments) replace(s string) string {
	if len(f.secrets) == 0 || len(s) < minFragment {
		return s
	}
	var out strings.Builder
	copied := 0 // of s, into out
	for i := 0; i+probe <= len(s); i += probe {
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

// longest returns the longest part of a secret in s that holds the piece at i and
// begins at from or later.
func (f *fragments) longest(s string, i, from int) (start, end int) {
	for _, p := range f.places[pieceAt(s, i)] {
		secret := f.secrets[p.secret]
		a, b := i, i+probe
		for k := p.offset; a > from && k > 0 && lowerByte(s[a-1]) == secret[k-1]; k-- {
			a--
		}
		for k := p.offset + probe; b < len(s) && k < len(secret) && lowerByte(s[b]) == secret[k]; k++ {
			b++
		}
		if b-a > end-start {
			start, end = a, b
		}
	}
	return start, end
}

// replaceFold returns s with every occurrence of form, in any letter case, replaced.
// form is in lower case and not empty.
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

// indexFold is strings.Index for a form in lower case, in any letter case of s.
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

// lower returns s with its ASCII letters in lower case, and no other change.
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
