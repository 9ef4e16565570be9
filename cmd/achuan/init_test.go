package main

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
)

// initLine is a line that GODEBUG=inittrace=1 prints for a package: its path and its number of allocations.
var initLine = regexp.MustCompile(`(?m)^init (\S+) @.* bytes, (\d+) allocs$`)

// maxInitAllocations is how often a package may allocate before main begins. Every command pays for it, so what only
// some requests need is made at its first use. Bytes would depend on the race detector.
const maxInitAllocations = 1000

// allocatesMuch are the packages that allocate more. The library jsonschema compiles the schemas of all drafts, and
// minio-go compiles patterns for the names of buckets, in half a millisecond.
var allocatesMuch = map[string]bool{
	"github.com/santhosh-tekuri/jsonschema/v6": true,
	"github.com/minio/minio-go/v7/pkg/s3utils": true,
}

func TestStartInitializesLittle(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{
		Path: program, Args: []string{"achuan", "version"}, // not the name of a test program
		Env: []string{asProgram + "=1", "GODEBUG=inittrace=1"},
	}
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("achuan version: %v\n%s", err, output)
	}
	lines := initLine.FindAllSubmatch(output, -1)
	if len(lines) < 20 {
		t.Fatalf("%d packages initialize something, want 20 or more:\n%s", len(lines), output)
	}
	for _, line := range lines {
		name := string(line[1])
		allocations, err := strconv.Atoi(string(line[2]))
		if err != nil {
			t.Fatal(err)
		}
		if allocations > maxInitAllocations && !allocatesMuch[name] {
			t.Errorf("package %s allocates %d times before main, want at most %d", name, allocations, maxInitAllocations)
		}
	}
}
