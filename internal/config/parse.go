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

// byteUnits are the units of a size. The binary units are first, from the largest.
var byteUnits = []struct {
	name  string
	bytes ByteSize
}{
	{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1},
}

// String returns the size as a whole number of the largest possible binary unit.
func (b ByteSize) String() string {
	for _, unit := range byteUnits[:3] {
		if b != 0 && b%unit.bytes == 0 {
			return strconv.FormatInt(int64(b/unit.bytes), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

var errNotAllowed = errors.New("not an allowed value")

// parseByteSize parses digits and a unit in any letter case, with or without a blank between. A number without a unit
// is in bytes.
func parseByteSize(text string) (ByteSize, error) {
	digits := strings.TrimRight(text, "BKMGIbkmgi \t")
	unit := strings.TrimSpace(text[len(digits):])
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, errNotAllowed
	}
	size := ByteSize(1)
	if unit != "" {
		i := 0
		for i < len(byteUnits) && !strings.EqualFold(byteUnits[i].name, unit) {
			i++
		}
		if i == len(byteUnits) {
			return 0, errNotAllowed
		}
		size = byteUnits[i].bytes
	}
	if n > uint64(math.MaxInt64/size) {
		return 0, errNotAllowed
	}
	return ByteSize(n) * size, nil
}

// parseBool parses the words that people and YAML use for booleans.
func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, errNotAllowed
}

// parsers are for the types that package env does not know, or parses in another way.
var parsers = map[reflect.Type]env.ParserFunc{
	reflect.TypeFor[ByteSize](): func(text string) (any, error) { return parseByteSize(text) },
	reflect.TypeFor[bool]():     func(text string) (any, error) { return parseBool(text) },
}

// parse fills s with the values that fit their types and marks the others as not allowed.
func (l *loader) parse(s *Settings) {
	texts := make(map[string]string, len(l.values))
	for name, v := range l.values {
		texts[name] = v.text
	}
	err := env.ParseWithOptions(s, env.Options{Environment: texts, FuncMap: parsers})
	if err == nil {
		return
	}
	all, _ := errors.AsType[env.AggregateError](err)
	for _, err := range all.Errors {
		// The message of env can quote the value, so only the name of the field is used.
		e, ok := errors.AsType[env.ParseError](err)
		if !ok {
			l.problems = append(l.problems, err)
			continue
		}
		field, _ := reflect.TypeFor[Settings]().FieldByName(e.Name)
		l.markNotAllowed(field.Tag.Get("env"))
	}
}
