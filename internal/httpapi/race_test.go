//go:build race

package httpapi

// The race detector makes pools drop what is returned to them.
func init() { maxEventAllocations = 2 }
