package config

import "strings"

// variablePrefix is the prefix of most variables. Names are compared without it, because it would make all names
// similar.
const variablePrefix = "ACHUAN_"

// maxComparedName is longer than every similar name. Long names would be slow to compare.
const maxComparedName = 64

// maxEdits is the largest edit distance of a similar name.
const maxEdits = 3

// didYouMean returns "; did you mean NAME?" for the variable that is most similar to name, in the spelling of the
// source, or "" when none is similar.
func didYouMean(name string, spelling func(string) string) string {
	if len(name) > maxComparedName {
		return ""
	}
	bare := strings.TrimPrefix(strings.ToUpper(strings.ReplaceAll(name, "-", "_")), variablePrefix)
	best, minEdits := "", maxEdits+1
	for _, v := range variableNames() {
		known := strings.TrimPrefix(v, variablePrefix)
		if d := editDistance(bare, known); d < minEdits && 3*d <= len(known) {
			best, minEdits = v, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + spelling(best) + "?"
}

// editDistance returns how many characters must be inserted, deleted, replaced or swapped with their neighbour to turn
// a into b (the optimal string alignment distance).
func editDistance(a, b string) int {
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
