package app

import "testing"

// Memory is given back once after each load, and never under load.
func TestIdleMemory(t *testing.T) {
	const mib = 1 << 20
	var allocated uint64
	returns := 0
	m := idleMemory{allocated: func() uint64 { return allocated }, giveBack: func() { returns++ }}
	for _, step := range []struct {
		name string
		more uint64 // allocated in the interval
		want int    // returns in all
	}{
		{"start", 6 * mib, 0},
		{"nothing to give back", mib / 2, 0},
		{"load", 50 * mib, 0},
		{"more load", 2 * mib, 0},
		{"idle", mib / 2, 1},
		{"still idle", mib / 2, 1},
		{"little load", 3 * mib, 1},
		{"idle after little load", 0, 1},
		{"load again", 9 * mib, 1},
		{"idle again", 0, 2},
	} {
		allocated += step.more
		m.check()
		if returns != step.want {
			t.Fatalf("%s: returns = %d, want %d", step.name, returns, step.want)
		}
	}
}
