// Package jsonval has what every JSON dialect needs to read requests and to write
// answers: a walk over the values of a body, readers of single values, of the fields
// of an object and of the elements of an array, faults that name the field at fault, and the writing of strings.
//
// What belongs here depends on JSON alone. The names of fields, the meaning of a
// request and the shape of an answer belong to the dialect (see package openai).
//
// A body is read in one direction and once. [ParseObject] checks the syntax in one pass; a
// [Value] then cuts the fields out of the accepted bytes. The package walks the bytes
// itself because encoding/json matches keys regardless of case, does not name the element
// at fault in an array, and needs many times the work for a transcript of some megabytes.
// Writers append to the buffer of the caller and use no reflection.
package jsonval
