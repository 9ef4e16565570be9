// Package dialect has what the API dialects of the server share. Each dialect (package openai
// and its siblings) decodes the requests of its clients into a Request and writes the events of
// the answer in its own shape. Package httpapi knows the dialects by the interface Dialect only.
//
// What belongs here is used by more than one dialect: the interfaces, the checks of tools and
// schemas, the sources of files, and the rule that no answer looks whole before it is whole.
package dialect
