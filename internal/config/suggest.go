package config

import "strings"

// prefix is what most variables begin with. Slips are counted without it, so
// that it makes no two names alike.
const prefix = "ACHUAN_"

// didYouMean returns "; did you mean NAME?" for the known variable that name is
// a slip of, in the spelling that the source uses, or "".
func didYouMean(name string, spelling func(string) string) string {
	if len(name) > 64 {
		return "" // no slip of anything, and slow to compare
	}
	bare := strings.TrimPrefix(strings.ToUpper(strings.ReplaceAll(name, "-", "_")), prefix)
	best, least := "", 4 // more than three slips are another word
	for _, v := range variables() {
		known := strings.TrimPrefix(v, prefix)
		if d := distance(bare, known); d < least && 3*d <= len(known) {
			best, least = v, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + spelling(best) + "?"
}

// distance is the number of characters to insert, delete, replace or swap with
// their neighbour to make a into b (the optimal string alignment distance).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replaced := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			d := min(replaced, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
