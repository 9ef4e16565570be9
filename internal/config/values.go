package config

import (
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/caarlos0/env/v11"
)

// ByteSize is a number of bytes.
type ByteSize int64

// byteUnits are the units that a size may have, the largest binary one first.
var byteUnits = []struct {
	name  string
	bytes ByteSize
}{
	{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1},
}

// String writes the size in the largest binary unit of which it is a whole number.
func (b ByteSize) String() string {
	for _, unit := range byteUnits[:3] {
		if b != 0 && b%unit.bytes == 0 {
			return strconv.FormatInt(int64(b/unit.bytes), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

var errSyntax = errors.New("not of the form that is allowed")

// parseByteSize reads digits and a unit, in any case and with or without a
// blank between; without a unit the number is of bytes.
func parseByteSize(text string) (ByteSize, error) {
	digits := strings.TrimRight(text, "BKMGIbkmgi \t")
	unit := strings.TrimSpace(text[len(digits):])
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, errSyntax
	}
	size := ByteSize(1)
	if unit != "" {
		i := 0
		for i < len(byteUnits) && !strings.EqualFold(byteUnits[i].name, unit) {
			i++
		}
		if i == len(byteUnits) {
			return 0, errSyntax
		}
		size = byteUnits[i].bytes
	}
	if n > uint64(math.MaxInt64/size) {
		return 0, errSyntax
	}
	return ByteSize(n) * size, nil
}

// parseBool takes the words that people and YAML use.
func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, errSyntax
}

// parsers are for the types that env does not know, or knows otherwise.
var parsers = map[reflect.Type]env.ParserFunc{
	reflect.TypeFor[ByteSize](): func(text string) (any, error) { return parseByteSize(text) },
	reflect.TypeFor[bool]():     func(text string) (any, error) { return parseBool(text) },
}

// parse fills s with the values that fit their types and refuses the others.
func (c *collection) parse(s *Settings) {
	texts := make(map[string]string, len(c.values))
	for name, v := range c.values {
		texts[name] = v.text
	}
	err := env.ParseWithOptions(s, env.Options{Environment: texts, FuncMap: parsers})
	if err == nil {
		return
	}
	all, _ := errors.AsType[env.AggregateError](err)
	for _, err := range all.Errors {
		// env names the struct's field; its text may quote the value and is not shown.
		e, ok := errors.AsType[env.ParseError](err)
		if !ok {
			c.problems = append(c.problems, err)
			continue
		}
		field, _ := reflect.TypeFor[Settings]().FieldByName(e.Name)
		c.refuse(field.Tag.Get("env"))
	}
}
