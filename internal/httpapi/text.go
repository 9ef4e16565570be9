package httpapi

import "achuan/internal/chat"

// truncateAll truncates each of the first maxValues strings to maxBytes bytes.
func truncateAll(values []string, maxValues, maxBytes int) []string {
	short := make([]string, 0, min(maxValues, len(values)))
	for _, v := range values[:min(maxValues, len(values))] {
		short = append(short, chat.Truncate(v, maxBytes))
	}
	return short
}
