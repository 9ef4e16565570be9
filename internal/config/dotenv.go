package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/joho/godotenv"
)

// maxDotenv is the most bytes that .env may have; to find a faulty line, it is
// parsed once for each of its lines.
const maxDotenv = 64 << 10

// readDotenv returns the variables of .env, empty ones left out. A missing .env
// is fine; so is a folder of that name, which some tools make.
func (c *collection) readDotenv() values {
	all := values{}
	info, err := os.Stat(c.path(fromDotenv))
	if errors.Is(err, fs.ErrNotExist) || (err == nil && info.IsDir()) {
		return all
	}
	text, err := c.readFile(fromDotenv)
	if err == nil && len(text) > maxDotenv {
		err = fmt.Errorf("%s: larger than %v", fromDotenv, ByteSize(maxDotenv))
	}
	if err != nil {
		c.problems.add("", "", "cannot read %v", err)
		return all
	}
	pairs, err := godotenv.Unmarshal(text)
	if err != nil {
		// The parser's own words quote the rest of the file, secrets and all.
		c.problems.add(fmt.Sprintf("%s:%d", fromDotenv, faultyLine(text)), "",
			"not of the form NAME=value; check the name and that quotes are closed")
		return all
	}
	for name, value := range pairs {
		if value = strings.TrimSpace(value); value != "" {
			all[name] = given{value, fromDotenv}
		}
	}
	return all
}

// faultyLine returns the number of the line at which text stops to parse: the
// one after the longest beginning that does.
func faultyLine(text string) int {
	lines := strings.SplitAfter(text, "\n")
	for n := len(lines) - 1; n > 0; n-- {
		if _, err := godotenv.Unmarshal(strings.Join(lines[:n], "")); err == nil {
			return n + 1
		}
	}
	return 1
}
