// Command bench measures the built achuan from outside, over the loopback interface (Linux only):
//
//	ACHUAN_BIN=bin/achuan go run ./bench [flags]
//
// All servers run at once, each as a process of its own, and bench reads their CPU time and memory from /proc:
//
//   - direct is the simulated platform itself. It is the base of the latency.
//   - floor (see bench/floor) converts streams and does nothing else. It keeps a stock of sessions on the platform, so
//     that a request costs it one call. All ratios are to the floor.
//   - floor+sessions is the same program, which makes a session for each request.
//   - achuan has its defaults: SQLite, log, metrics, limits, and a client key.
//   - achuan+postgres (flag -postgres) is achuan with its sessions in PostgreSQL.
//   - Others are OpenAI-compatible programs that run already (flag -other). Their upstream is http://ADDRESS/v1 at the
//     address of flag -listen, where the simulator also speaks OpenAI's protocol.
//
// A load runs in slices of about 1 s that alternate between the servers, so that a disturbance affects all of them. A
// figure is the median of all slices, with the lower quartile in parentheses. A ratio is taken for each pair of slices
// that ran one after another.
//
// Each event of an answer has a number, and the generator checks that no event is missing, doubled or out of order.
//
// # When bench refuses to report
//
// The generator, the simulator and the server share the machine. If the server waits for one of the other two, its
// figures say little about it. So bench reports nothing and exits with 1 when, for the median slice of any load,
//
//   - the generator's timers fire too late (maxLag, maxLagAlone), so that latencies are those of the generator,
//   - the simulator sends paced events too late (maxPace), so that fewer streams are active than the load says,
//   - or, with 16 clients or more that never pause, the generator or the simulator takes more than maxHelperShare of
//     the CPU time of all three, or the server less than minTargetShare, so that the server has fewer requests at once
//     than the load says.
//
// The bounds are in bottleneck.go. Programs that have no part in the run make figures less exact. The report says how
// much of the machine they used.
package main
