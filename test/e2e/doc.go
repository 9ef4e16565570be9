// Package e2e tests the built program from outside: real processes, sockets, files
// and PostgreSQL servers, of which some are killed, paused or stopped in the middle
// of turns. The platform is a simulator in the test's own process, so that a test
// decides when an answer goes on and sees what the model saw: it is the judge.
//
// The program is built once for each run, with the race detector where the tests
// have it; ACHUAN_BIN names one that is there already. PostgreSQL is the one that
// .ci/postgres starts, and where a test stops the server, one of its own.
//
// Nothing of the program is imported but the simulator.
package e2e
