// Package simulator is the server side of the platform, in memory: sessions, records, models, login and streamed
// completions, with the bytes that the real platform sends (app version 2.14). Demo mode, tests and benchmarks
// run against it. Of this program it imports only sse, because it must not share a mistake with the client that
// is tested against it. What demo mode answers belongs to package demo.
//
// # Use in a test
//
//	sim := simulator.New(simulator.Options{})
//	defer sim.Close()
//	srv := httptest.NewServer(sim)
//	defer srv.Close()
//
// By default Echo answers each question: "answer 1 to: hello", where the number counts the exchanges of the
// session. A test reads what happened with Turns (what the model saw), Attempts, Sessions, Records, Deleted and
// Calls. Await waits until a condition on them is true.
//
// # Scripting answers
//
// A Reply describes one answer. The zero value of each field is what the platform normally does. Script queues
// replies for the next questions, and OnTurn decides for each question.
//
//	sim.Script(
//		simulator.Say("hello"),
//		simulator.Fail("上游异常提示(HttpCode:429)：…"),    // an error frame, HTTP 200
//		simulator.HTTPStatus(503, "text/html", "<html>"), // no stream
//		simulator.Lost(),
//		simulator.Reply{Text: "hello", NoDone: true},
//		simulator.Reply{Text: "hel", AIText: new("hello")},
//	)
//
// Steps describe everything else, in the order in which it is sent:
//
//	simulator.Stream(simulator.Head(), simulator.Hang())              // headers, then nothing
//	simulator.Stream(simulator.Deltas("par"), simulator.Cut())        // the connection closes in the middle
//	simulator.Stream(simulator.Wait(gate), simulator.Deltas("late"), simulator.Object(), simulator.Done())
//
// As on the platform, an answer does not depend on the connection that asked for it. When a client leaves, its
// turn notes it (Turn.ClientGone), and the record is stored as usual.
//
// # Other faults
//
// Intercept and InterceptOnce replace what a Route does. ExpireLogin, Forget, AppendRecord, AddSession and Edit
// change an account without its client. Afterwards makes such a change between two pages of a list. With
// Options.ListByUse, use changes the order of the list.
//
// faults.go names faults that the platform showed or may show:
//
//	simulator.ProxyFailure(502, "stored")           // an HTML page of a proxy, although the platform has answered
//	simulator.ProxyRefusal(502)                     // the same page, but the proxy did not reach the platform
//	simulator.Stream(simulator.Deltas("a"), simulator.Flood(simulator.EmptyDelta, 0))
//	simulator.Stream(simulator.Torn("好😀", simulator.TornSurrogates), simulator.Object(), simulator.Done())
//	sim.Intercept(simulator.RouteRecords, simulator.ProxyFails(502))
package simulator
