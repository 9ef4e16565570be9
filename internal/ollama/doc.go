// Package ollama is the dialect of Ollama's API: what VS Code, Open WebUI, Continue and Ollama's own clients send and
// read. It decodes requests to chat and to generate into dialect.Request, and writes answers as one object or as
// lines of JSON.
//
// Most clients lose the ids of calls, so they are no part of a transcript here: a call is its name and its arguments,
// and a result belongs to the first call of that name that has none yet.
package ollama
