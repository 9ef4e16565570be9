package conversation_test

import (
	"fmt"
	"testing"

	"achuan/internal/chat"
)

// maxTurnAllocations is how often a continued turn of a short chat may allocate in this package and in the store, with
// SQLite: a tenth more than was measured.
const maxTurnAllocations = 465

func TestTurnAllocations(t *testing.T) {
	e := benchEngine(t)
	messages := []chat.Message{user("hello")}
	n := 0
	turn := func() {
		got, err := finish(benchAsk(t, e, whole(alice, messages...)))
		if err != nil {
			t.Fatal(err)
		}
		n++
		messages = append(messages[:min(len(messages), 19)], assistant(got.text), user(fmt.Sprint("and ", n)))
	}
	turn()
	if got := testing.AllocsPerRun(8, turn); got > maxTurnAllocations {
		t.Errorf("allocations of a continued turn = %v, want at most %v", got, maxTurnAllocations)
	}
}
