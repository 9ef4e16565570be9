package httpapi

import "unicode/utf8"

// clip cuts s to at most n bytes, not within a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// clipAll clips each of at most n strings.
func clipAll(values []string, n, size int) []string {
	short := make([]string, 0, min(n, len(values)))
	for _, v := range values[:min(n, len(values))] {
		short = append(short, clip(v, size))
	}
	return short
}
