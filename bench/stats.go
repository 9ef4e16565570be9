package main

import (
	"math"
	"slices"
)

func valuesOf[T any](items []T, of func(T) float64) []float64 {
	values := make([]float64, len(items))
	for i, item := range items {
		values[i] = of(item)
	}
	return values
}

// quantile returns the value below which the part q of the values lies, between the two nearest values if need be.
// values must not be empty.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low := int(math.Floor(at))
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (sorted[high]-sorted[low])*(at-float64(low))
}

func median(values []float64) float64 { return quantile(values, 0.5) }

func lowerQuartile(values []float64) float64 { return quantile(values, 0.25) }

// ratios returns the ratios of values that were measured one after another. A pair whose second value is not positive
// has none.
func ratios(a, b []float64) []float64 {
	var all []float64
	for i := range min(len(a), len(b)) {
		if b[i] > 0 {
			all = append(all, a[i]/b[i])
		}
	}
	return all
}
