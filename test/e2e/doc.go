// Package e2e tests the built program from outside, with real processes, sockets, files and PostgreSQL servers. Tests
// kill, pause or stop them in the middle of turns. The platform is a simulator in the process of the test. So a test
// decides when an answer continues, and it checks what the model saw.
//
// Each run builds the program once. ACHUAN_BIN names a binary to test instead. It may be built with the race detector,
// whose reports fail the tests (but then SQLite is too slow for the crowd tests on a small machine):
//
//	go build -race -o bin/achuan-race ./cmd/achuan
//	ACHUAN_BIN=$PWD/bin/achuan-race go test -skip Crowd ./test/e2e
//
// With the tag agents, they also run Codex, Claude Code and gemini-cli, which npm has installed in test/clients.
//
// The tests use the PostgreSQL server that .ci/postgres starts. A test that stops the server starts its own.
//
// The tests import only the simulator. They need Linux, because /proc shows when a process has stopped.
package e2e
