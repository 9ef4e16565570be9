// Package openai is the dialect of OpenAI's Chat Completions and Models. It turns request
// bodies into the types of package chat, and events, errors and models of chat into the
// bytes that OpenAI's clients expect. It also writes the answers of the sessions API.
//
// The package contains the meaning of every request parameter (Parameters), the shape of
// every answer, and the table from kinds of error to statuses (Status). It does not read or
// write connections or headers, choose sessions, or know the platform. Package jsonval has
// what other dialects need too.
package openai
