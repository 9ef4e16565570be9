package main

import (
	"slices"
	"testing"
)

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{[]float64{7}, 0.5, 7},
		{[]float64{7}, 0.25, 7},
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{4, 1, 3, 2}, 0.25, 1.75},
		{[]float64{5, 4, 3, 2, 1}, 0.25, 2},
		{[]float64{5, 4, 3, 2, 1}, 0, 1},
		{[]float64{5, 4, 3, 2, 1}, 1, 5},
	} {
		given := slices.Clone(c.values)
		if got := quantile(c.values, c.q); got != c.want {
			t.Errorf("quantile(%v, %v) = %v, want %v", given, c.q, got, c.want)
		}
		if !slices.Equal(c.values, given) {
			t.Errorf("quantile(%v) changed its argument to %v, want it unchanged", given, c.values)
		}
	}
}

func TestRatios(t *testing.T) {
	for _, c := range []struct{ a, b, want []float64 }{
		{[]float64{2, 9}, []float64{1, 3}, []float64{2, 3}},
		{[]float64{2, 9}, []float64{0, 3}, []float64{3}},
		{[]float64{2, 9}, []float64{-1, 3}, []float64{3}},
		{[]float64{2, 9}, []float64{1}, []float64{2}},
		{[]float64{2}, nil, nil},
	} {
		if got := ratios(c.a, c.b); !slices.Equal(got, c.want) {
			t.Errorf("ratios(%v, %v) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}
