// Package httpapi is the program's face on the network: every route, the
// middleware around them, the handlers that turn HTTP into chat.Requests and
// answers back into HTTP, and the truth of what a client is told: a failure
// before any text is a real status, a failure after it is an error event, and
// half an answer never looks whole.
//
// The shapes of JSON belong to the dialects, placing and asking to gateway;
// nothing here knows the platform. A handler returns its error; one adapter
// (Server.fail) makes status, body and headers of it, and one line in the log
// (accessLog) tells how each request went.
//
// A request passes, from the outside in:
//
//	repairPath → closeUnclear → requestID → accessLog → recoverPanic → cors → limitBody → exactPath → the mux
//
// and on a route of the API further:
//
//	drain → guard (Host, Origin) → authenticate → handler
package httpapi
