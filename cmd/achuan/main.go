// Command achuan serves an OpenAI-compatible API in front of a chat platform.
//
// This package holds the commands: it reads flags, loads settings, sets up the
// logger and signals, and turns errors into exit codes. What a command does is
// in package app.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ()}))
}
