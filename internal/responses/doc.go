// Package responses is the dialect of OpenAI's Responses API: what Codex, the Agents SDK and other new clients of
// OpenAI send and read. It decodes requests into dialect.Request, and writes answers as response objects and as event
// streams.
//
// A request is a list of items: messages, calls, results, reasoning. Items that follow each other and come from the
// assistant are one answer. Tools may be in a namespace, which comes back with the call, and custom tools take a
// text instead of JSON.
package responses
