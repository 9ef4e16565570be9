// Package httpapi serves the API over HTTP: the routes, the middleware around them, and
// the handlers that turn HTTP requests into chat.Requests and answers into HTTP replies.
//
// It tells clients the truth: a failure before any text is a real status, a failure after
// it is an error event, and half an answer never looks like a whole one.
//
// The shapes of JSON belong to the dialects (see dialect), and the choice of a session to
// package gateway. Nothing here knows the platform. A handler returns its error. Server.fail
// turns it into status, headers and body, and accessLog writes one log line per request.
//
// A request passes, from the outside in:
//
//	repairPath → closeAmbiguous → requestID → accessLog → recoverPanic → cors → limitBody → refuseOddPath → mux
//
// and on a route of the API further:
//
//	drain → guard (Host, Origin) → authenticate → handler
package httpapi
