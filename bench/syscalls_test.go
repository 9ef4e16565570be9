package main

import (
	"maps"
	"testing"
)

func TestParseStrace(t *testing.T) {
	const table = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.000300           3       200           write
 30.00    0.000200           2       100         7 read
  5.00    0.000100           1        50           nanosleep
  5.00    0.000100           1         1           restart_syscall
------ ----------- ----------- --------- --------- ----------------
100.00    0.000700           2       351         7 total
`
	want := map[string]float64{"write": 200, "read": 100, "restart_syscall": 1}
	got, err := parseStrace(table)
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("parseStrace() = %v, %v; want %v", got, err, want)
	}
	if n := total(got); n != 301 {
		t.Errorf("total() = %v, want 301", n)
	}
	if got, want := mostFrequent(got, 100), "write 2.0, read 1.0, restart_syscall 0.0"; got != want {
		t.Errorf("mostFrequent() = %q, want %q", got, want)
	}
	if got, err := parseStrace("strace: attach: Operation not permitted\n"); err == nil {
		t.Errorf("parseStrace() of no table = %v, want an error", got)
	}
}
