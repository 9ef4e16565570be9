package main

import (
	"fmt"
	"slices"
)

// Groups of rows, for the flag -only.
const (
	groupContinued  = "continued"
	groupNew        = "new"
	groupBurst      = "burst"
	groupPaced      = "paced"
	groupGrowing    = "growing"
	groupTranscript = "transcript"
	groupIdle       = "idle"
	groupStart      = "start"
	groupStreams    = "streams"
	groupSyscalls   = "syscalls"
	groupPostgres   = "postgres"
	groupDialects   = "dialects"
)

var groups = []string{
	groupContinued, groupNew, groupBurst, groupPaced, groupGrowing, groupTranscript, groupIdle, groupStart,
	groupStreams, groupSyscalls, groupPostgres, groupDialects,
}

// row is a row of the table.
type row struct {
	name, unit string
	digits     int  // after the point
	hasRatio   bool // the ratio to the floor says something
}

// The rows, in the order of the table.
var (
	rowContinued64 = &row{"continued turn, 20 events, c=64", "µs CPU", 0, true}
	rowContinued1  = &row{"continued turn, 20 events, c=1", "µs CPU", 0, true}
	rowNew64       = &row{"new conversation, 20 events, c=64", "µs CPU", 0, true}
	rowNew1        = &row{"new conversation, 20 events, c=1", "µs CPU", 0, true}
	rowBurst       = &row{"event of a burst, c=16", "µs CPU", 2, true}
	rowPaced       = &row{fmt.Sprintf("event each %v, c=64", pieceInterval), "µs CPU", 1, true}
	rowGrowing     = &row{"turn of a conversation of 20 turns, c=16", "µs CPU", 0, true}
	row200KB       = &row{"continued turn, transcript of 200 KB, c=4", "µs CPU", 0, true}
	row2MB         = &row{"continued turn, transcript of 2 MB, c=2", "µs CPU", 0, true}
	rowPeak        = &row{"peak memory of a turn with 2 MB", "x body", 1, true}
	rowFirst       = &row{"added before the first event, continued, c=1, p50", "ms", 2, true}
	rowFirst99     = &row{"added before the first event, continued, c=1, p99", "ms", 2, false}
	rowIdle        = &row{"memory of an idle stream", "KiB", 0, true}
	rowBinary      = &row{"binary", "MB", 1, false}
	rowStart       = &row{"start to the end of the first answer", "ms", 1, false}

	rowContinuedCalls = &row{"platform calls of a continued turn", "", 2, false}
	rowGrowingCalls   = &row{"platform calls of a turn, conversation of 20 turns", "", 2, false}
	rowNewCalls       = &row{"platform calls of a new conversation", "", 2, false}
	rowSyscalls       = &row{"system calls of a continued turn, 20 events, c=1", "", 1, true}
	rowEventSyscalls  = &row{fmt.Sprintf("system calls of an event each %v, c=1", pieceInterval), "", 2, true}
	rowAgainstSQLite  = &row{"continued turn, c=64, PostgreSQL / SQLite", "x CPU", 2, false}
	rowRoundTrips     = &row{"PostgreSQL round trips of a continued turn", "", 2, false}

	rowStreams    = &row{"streams read", "", 0, false}
	rowCut        = &row{"streams cut", "", 0, false}
	rowDisordered = &row{"streams with doubled, missing or reordered events", "", 0, false}
	rowOther      = &row{"requests without a stream", "", 0, false}

	rows = slices.Concat([]*row{
		rowContinued64, rowContinued1, rowNew64, rowNew1, rowBurst, rowPaced, rowGrowing, row200KB, row2MB, rowPeak,
		rowFirst, rowFirst99, rowIdle, rowBinary, rowStart, rowContinuedCalls, rowGrowingCalls, rowNewCalls,
		rowSyscalls, rowEventSyscalls, rowAgainstSQLite, rowRoundTrips, rowStreams, rowCut, rowDisordered, rowOther,
	}, apiRows())
)

// sliced is a load that runs in slices, with its rows.
type sliced struct {
	load
	group string
	cpu   *row
	// base has fewer events. If it is set, the CPU time is that of one further event.
	base        *load
	calls       *row // or nil
	hasLatency  bool // rowFirst is measured, also of direct
	hasSessions bool // floor+sessions takes part
}

var slicedLoads = []sliced{
	{group: groupContinued, cpu: rowContinued64, calls: rowContinuedCalls, load: load{
		mode: modeAtOnce, count: 20, clients: 64, conversations: 128, turns: 16,
	}},
	{group: groupContinued, cpu: rowContinued1, hasLatency: true, load: load{
		mode: modeAtOnce, count: 20, clients: 1, conversations: 96, turns: 16,
	}},
	{group: groupNew, cpu: rowNew64, calls: rowNewCalls, hasSessions: true, load: load{
		mode: modeAtOnce, count: 20, clients: 64,
	}},
	{group: groupNew, cpu: rowNew1, hasSessions: true, load: load{mode: modeAtOnce, count: 20, clients: 1}},
	{
		group: groupBurst, cpu: rowBurst, base: &load{mode: modeAtOnce, count: 20, clients: 16},
		load: load{mode: modeAtOnce, count: 1020, clients: 16},
	},
	{
		group: groupPaced, cpu: rowPaced, base: &load{mode: modePaced, count: 20, clients: 64},
		load: load{mode: modePaced, count: 170, clients: 64},
	},
	{group: groupGrowing, cpu: rowGrowing, calls: rowGrowingCalls, load: load{
		mode: modeAtOnce, count: 100, clients: 16, conversations: 48, turns: 19, questionBytes: 500,
	}},
	{group: groupTranscript, cpu: row200KB, load: load{
		mode: modeAtOnce, count: 20, clients: 4, conversations: 32, turns: 16, historyBytes: 200_000,
	}},
	{group: groupTranscript, cpu: row2MB, load: load{
		mode: modeAtOnce, count: 20, clients: 2, conversations: 4, turns: 16, historyBytes: 2_000_000,
	}},
}
