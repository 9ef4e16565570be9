// Package simulator is the platform's server side, in memory: sessions, records,
// models, login and streamed completions, as the real one puts them on the wire
// (app version 2.14). Demo mode, tests and benchmarks run against it. It imports
// nothing of the program but sse, because it must not share a mistake with the
// client that is tested against it.
//
// # Use in a test
//
//	sim := simulator.New(simulator.Options{})
//	defer sim.Close()
//	srv := httptest.NewServer(sim)
//	defer srv.Close()
//
// Without more, each question is answered by Echo: "answer 1 to: hello", where the
// number counts the exchanges of the session. What happened is read back with
// Turns (what the model saw), Attempts, Sessions, Records, Deleted and Calls, and
// Await waits until a condition on them holds.
//
// # Scripting answers
//
// A Reply describes one answer; the zero value of each of its fields is the
// ordinary thing. Script queues replies for the next questions, OnTurn decides
// question by question.
//
//	sim.Script(
//		simulator.Say("hello"),
//		simulator.Fail("上游异常提示(HttpCode:429)：…"),    // an error frame, HTTP 200
//		simulator.HTTPStatus(503, "text/html", "<html>"), // no stream at all
//		simulator.Lost(),
//		simulator.Reply{Text: "hello", NoDone: true},
//		simulator.Reply{Text: "hel", AIText: new("hello")},
//	)
//
// What the fields can't say is written as steps, in the order of the wire:
//
//	simulator.Stream(simulator.Head(), simulator.Hang())              // headers, then nothing
//	simulator.Stream(simulator.Deltas("par"), simulator.Cut())        // connection closed half-way
//	simulator.Stream(simulator.Wait(gate), simulator.Deltas("late"), simulator.Object(), simulator.Done())
//
// An answer is made apart from the connection that asked for it, as the platform
// does: a client that leaves is counted (Turn.ClientGone) and the record is stored
// all the same.
//
// # Breaking the rest
//
// Intercept and InterceptOnce stand in front of a Route; ExpireLogin, Forget,
// AppendRecord, AddSession and Edit do what happens to an account behind its
// client's back. Afterwards does so in the middle of a list that is being paged, and
// Options.ListByUse orders the list by use, so that it shifts by itself.
//
// Faults that were seen or are feared have names of their own (faults.go):
//
//	simulator.ProxyFailure(502, "stored")           // a proxy's HTML, although the platform has answered
//	simulator.ProxyRefusal(502)                     // the same, and the platform was not reached
//	simulator.Stream(simulator.Deltas("a"), simulator.Flood(simulator.EmptyDelta, 0))
//	simulator.Stream(simulator.Torn("好😀", simulator.TornSurrogates), simulator.Object(), simulator.Done())
//	sim.Intercept(simulator.RouteRecords, simulator.ProxyFails(502))
package simulator
