// Package e2e tests the built program from outside: real processes, sockets, files
// and PostgreSQL servers, of which some are killed, paused or stopped in the middle
// of turns. The platform is a simulator in the test's own process, so that a test
// decides when an answer goes on and sees what the model saw: it is the judge.
//
// The program is built once for each run; ACHUAN_BIN names one that is there already.
// That may be one with the race detector, of which every process is asked for what it
// found (but then SQLite is too slow for the crowd on a small machine):
//
//	go build -race -o bin/achuan-race ./cmd/achuan
//	ACHUAN_BIN=$PWD/bin/achuan-race go test -skip Crowd ./test/e2e
//
// PostgreSQL is the one that .ci/postgres starts, and where a test stops the server,
// one of its own.
//
// Nothing of the program is imported but the simulator. The tests are for Linux, whose
// /proc tells when a process has really stopped.
package e2e
