// Package anthropic is the dialect of Anthropic's Messages API: what Claude Code and Anthropic's SDKs send
// and read. It decodes requests into dialect.Request, writes answers as messages and as event streams, and
// writes errors, token counts and lists of models in the shapes of that API.
//
// Decode does not look at the header anthropic-version: all versions that clients send today have the same
// requests and answers, as far as this server serves them.
package anthropic
