package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/joho/godotenv"
)

// maxDotenv is the largest size of .env in bytes. It is small because the search for a faulty line parses the file
// once for each line.
const maxDotenv = 64 << 10

// readDotenv returns the variables of .env without the empty ones. A missing .env is allowed, and so is a folder with
// that name, which some tools create.
func (l *loader) readDotenv() rawValues {
	all := rawValues{}
	info, err := os.Stat(l.path(sourceDotenv))
	if errors.Is(err, fs.ErrNotExist) || (err == nil && info.IsDir()) {
		return all
	}
	text, err := l.readFile(sourceDotenv)
	if err == nil && len(text) > maxDotenv {
		err = fmt.Errorf("%s: larger than %v", sourceDotenv, ByteSize(maxDotenv))
	}
	if err != nil {
		l.problems.add("", "", "cannot read %v", err)
		return all
	}
	pairs, err := godotenv.Unmarshal(text)
	if err != nil {
		// The parser's message quotes the rest of the file with its secrets, so it is not shown.
		l.problems.add(fmt.Sprintf("%s:%d", sourceDotenv, faultyLine(text)), "",
			"not of the form NAME=value; check the name and that quotes are closed")
		return all
	}
	for name, value := range pairs {
		if value = strings.TrimSpace(value); value != "" {
			all[name] = rawValue{value, sourceDotenv}
		}
	}
	return all
}

// faultyLine returns the number of the line with the fault: the line after the longest beginning of text that can be
// parsed.
func faultyLine(text string) int {
	lines := strings.SplitAfter(text, "\n")
	for n := len(lines) - 1; n > 0; n-- {
		if _, err := godotenv.Unmarshal(strings.Join(lines[:n], "")); err == nil {
			return n + 1
		}
	}
	return 1
}
