// Package openai is the dialect of OpenAI's Chat Completions and Models: it
// turns request bodies into chat's types and chat's events, errors and models
// into the bytes that OpenAI's clients expect.
//
// What lives here is the meaning of every request parameter (Parameters), the
// shape of every answer, and the table from kinds of error to statuses (Status).
// What must not: reading or writing connections, headers, sessions, and anything
// that knows the platform. Other dialects are siblings of this package.
//
// Reading goes in one direction and once: encoding/json says whether a body is
// JSON, and a walk over the accepted bytes (value) picks out the fields. The walk
// exists because encoding/json matches keys whatever their case, stops naming
// elements where an array begins, and decodes a transcript of some megabytes with
// many times the work. Writing appends to the caller's buffer without reflection.
package openai
