// Command achuan serves an OpenAI-compatible API in front of a chat platform.
//
// This package has the commands. It reads flags, loads settings, sets up the logger and the signal handlers, and turns
// errors into exit codes. The other packages do the work of the commands.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ()}))
}
