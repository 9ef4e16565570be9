// Package gemini is the dialect of Google's Gemini API: what gemini-cli and Google's SDKs send and read. It decodes
// requests into dialect.Request, and writes answers as one object, as an event stream or as a JSON array.
//
// The model and the verb are in the path of a request, so Dialect has one value for each verb. Field names are in
// camel case; snake case is read too, as Google does.
package gemini
