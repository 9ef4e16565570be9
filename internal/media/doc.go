// Package media keeps the bytes of pictures and documents, and finds out what they are. A file is
// found by the SHA-256 of its bytes, so the same picture is one file, however a client sends it.
//
// Blobs are in a Folder, in Memory, or are objects of a Remote: in a Bucket or in PostgreSQL. uploaded.go has the
// files that clients upload in advance, and kept.go the copies of drawn pictures with their signed links.
//
// What belongs here: the decoding of what a client sends, the media type and the name that follow
// from the bytes, and the place where the bytes are. Which model reads which files, and which
// messages have files, is decided elsewhere.
package media
