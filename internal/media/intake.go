package media

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"io"
	"slices"
	"strings"
)

// An Intake takes the bytes of long files out of a JSON body while the body is read, so that neither
// their base64 nor their bytes are in memory. The body that comes out has a reference in place of the
// base64, which Library.Resolve understands. Everything else comes out as it is, and any text may go
// in: the decoder of the body finds what is wrong with it.
type Intake struct {
	library *Library
	source  io.Reader
	in      []byte // the buffer for reads
	buffer  []byte // for out
	out     []byte // bytes that Read returns next
	err     error  // of source

	scanner jsonScanner
	state   intakeState
	head    []byte // of a string that may be a data URL, up to its comma
	pending []byte // the beginning of its base64
	upload  *upload
	tokens  []string // of the references in the body
}

// intakeState says where in a string the intake is.
type intakeState uint8

const (
	outsideFile intakeState = iota // not in a string that may be a file
	inHead                         // in front of the base64
	inBare                         // in base64 without a head that is still short, or in another text
	inBase64                       // in base64 that is still short
	inUpload                       // in base64 that is taken out
)

const (
	intakeBuffer = 16 << 10
	maxURLHead   = 256 // bytes of a data URL in front of its base64
	// minTaken is the length of base64 from which on it is taken out. Most bodies have no longer one.
	minTaken = 64 << 10
)

// filePaths are the keys that lead to the data URLs of files in the requests of all dialects. Data URLs elsewhere, such
// as in the arguments of a call, are texts.
var filePaths = []string{
	// Chat Completions and Images.
	"messages.content.image_url", "messages.content.image_url.url", "messages.content.file.file_data", "messages.content.file_data",
	"image", "images.image_url", "images.image_url.url",
	// Responses.
	"input.content.image_url", "input.content.file_data", "input.output.image_url", "input.output.file_data",
	// Messages.
	"messages.content.source.url", "messages.content.content.source.url",
}

// barePaths are the keys that lead to base64 without a data URL around it. A document of Messages may be a text at
// the same place.
var barePaths = []string{
	// Messages.
	"messages.content.source.data", "messages.content.content.source.data",
	// Gemini.
	"contents.parts.inlineData.data", "contents.parts.inline_data.data",
	"contents.parts.functionResponse.parts.inlineData.data",
}

// mixedPaths are the keys that lead to base64 or to data URLs: pictures of Ollama, and of the Images API.
var mixedPaths = []string{"images", "messages.images"}

// NewIntake returns an intake of a body. Release ends it.
func (l *Library) NewIntake(body io.Reader) *Intake {
	return &Intake{library: l, source: body, in: make([]byte, intakeBuffer)}
}

// Release forgets the files of the body that Resolve has not asked for.
func (in *Intake) Release() {
	if in.upload != nil {
		in.upload.drop()
	}
	for _, token := range in.tokens {
		in.library.uploads.Delete(token)
	}
}

// Read returns the next bytes of the body, with references to its long files.
func (in *Intake) Read(p []byte) (int, error) {
	for len(in.out) == 0 && in.err == nil {
		var n int
		n, in.err = in.source.Read(in.in)
		in.take(in.in[:n])
		if in.err != nil {
			in.out = append(in.out, in.pending...)
			in.pending = nil
		}
	}
	n := copy(p, in.out)
	if in.out = in.out[n:]; len(in.out) == 0 {
		return n, in.err
	}
	return n, nil
}

// take filters the next bytes.
func (in *Intake) take(data []byte) {
	in.out = in.buffer[:0]
	defer func() { in.buffer = in.out[:0] }()
	for len(data) > 0 {
		var n int
		switch in.state {
		case outsideFile:
			n = in.scanner.skip(data)
			in.out = append(in.out, data[:n]...)
			if in.scanner.startsValue {
				in.begin(in.scanner.path())
			}
		case inHead:
			n = in.takeHead(data)
		case inBare:
			n = in.takeBare(data)
		case inBase64, inUpload:
			n = in.takeBase64(data)
		}
		data = data[n:]
	}
}

// begin begins a string at that path.
func (in *Intake) begin(path string) {
	switch {
	case slices.Contains(filePaths, path):
		in.state, in.head = inHead, in.head[:0]
	case slices.Contains(barePaths, path), slices.Contains(mixedPaths, path):
		in.state, in.pending = inBare, nil
	}
}

// takeBare reads a string that is base64 from its beginning, or something else. It is base64 if nothing else comes in
// its first minTaken bytes. A data URL shows itself by its colon.
func (in *Intake) takeBare(data []byte) (size int) {
	for size < len(data) && isBase64[data[size]] && len(in.pending)+size < minTaken {
		size++
	}
	in.pending = append(in.pending, data[:size]...)
	switch {
	case len(in.pending) >= minTaken:
		in.state, in.upload = inUpload, in.library.newUpload()
		in.upload.write(in.pending)
		in.pending = nil
	case size == len(data):
	case data[size] == ':' && string(in.pending) == "data":
		in.state, in.head = inHead, append(in.head[:0], "data"...)
		in.out = append(in.out, "data"...)
		in.pending = nil
	default: // the end of the string, or a byte of another text
		in.out = append(in.out, in.pending...)
		in.pending, in.state = nil, outsideFile
	}
	return size
}

// takeHead reads a byte of a string that may be a data URL.
func (in *Intake) takeHead(data []byte) (size int) {
	c := data[0]
	in.out = append(in.out, c)
	switch {
	case c == '"' || c == '\\' || len(in.head) == maxURLHead:
		in.state = outsideFile
		in.scanner.resume(data[:1])
	case c == ',' && bytes.HasPrefix(in.head, []byte("data:")) && bytes.HasSuffix(in.head, []byte(";base64")):
		in.state, in.pending = inBase64, make([]byte, 0, minTaken)
	default:
		in.head = append(in.head, c)
	}
	return 1
}

// takeBase64 reads base64 up to the end of its string.
func (in *Intake) takeBase64(data []byte) (size int) {
	size = bytes.IndexByte(data, '"')
	isEnd := size >= 0
	if !isEnd {
		size = len(data)
	}
	text := data[:size]
	if in.state == inBase64 && len(in.pending)+len(text) < minTaken {
		in.pending = append(in.pending, text...)
	} else {
		if in.state == inBase64 {
			in.state, in.upload = inUpload, in.library.newUpload()
			in.upload.write(in.pending)
			in.pending = nil
		}
		in.upload.write(text)
	}
	if !isEnd {
		return size
	}
	if in.state == inUpload {
		in.out = append(in.out, in.finishUpload()...)
	}
	in.out = append(append(in.out, in.pending...), '"')
	in.pending, in.state = nil, outsideFile
	in.scanner.endString()
	return size + 1
}

// finishUpload ends the upload and returns the reference to it.
func (in *Intake) finishUpload() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	token := referenceMark + hex.EncodeToString(random[:])
	in.library.uploads.Store(token, in.upload.finish())
	in.tokens = append(in.tokens, token)
	in.upload = nil
	return token
}

// referenceMark begins a reference. It is not in the alphabet of base64.
const referenceMark = "@"

// jsonScanner follows the keys of a JSON text. It accepts any bytes.
type jsonScanner struct {
	stack       []container
	isInString  bool
	isEscaped   bool // the byte before was a backslash
	isKey       bool // the string is a key
	expectsKey  bool
	key         []byte // the last key, or its beginning
	startsValue bool   // skip has stopped behind the quote of a value
}

// container is an array or object that is open.
type container struct {
	isObject bool
	key      string // that leads to it; "" for elements of arrays
}

const (
	maxScannedDepth = 64
	maxScannedKey   = 32 // bytes; the keys of filePaths are shorter
)

// skip scans data. It stops behind the opening quote of each string that is a value.
func (s *jsonScanner) skip(data []byte) (size int) {
	s.startsValue = false
	for i, c := range data {
		if s.isInString {
			s.scanString(c)
			continue
		}
		switch c {
		case '"':
			s.isInString, s.isKey = true, s.expectsKey
			if s.isKey {
				s.key = s.key[:0]
				continue
			}
			s.startsValue = true
			return i + 1
		case '{', '[':
			s.open(c == '{')
		case '}', ']':
			s.close()
		case ',':
			s.expectsKey = len(s.stack) > 0 && s.stack[len(s.stack)-1].isObject
		case ':':
			s.expectsKey = false
		}
	}
	return len(data)
}

func (s *jsonScanner) scanString(c byte) {
	switch {
	case s.isEscaped:
		s.isEscaped = false
	case c == '\\':
		s.isEscaped = true
		s.key = append(s.key, "\\"[:min(1, maxScannedKey-min(len(s.key), maxScannedKey))]...)
	case c == '"':
		s.isInString = false
	case s.isKey && len(s.key) < maxScannedKey:
		s.key = append(s.key, c)
	}
}

// resume scans the bytes of the current string that skip has not seen.
func (s *jsonScanner) resume(data []byte) {
	for _, c := range data {
		s.scanString(c)
	}
}

// endString records that the current string has ended.
func (s *jsonScanner) endString() { s.isInString, s.isEscaped = false, false }

func (s *jsonScanner) open(isObject bool) {
	key := ""
	if len(s.stack) == 0 || s.stack[len(s.stack)-1].isObject {
		key = string(s.key)
	}
	if len(s.stack) < maxScannedDepth {
		s.stack = append(s.stack, container{isObject, key})
	}
	s.key, s.expectsKey = s.key[:0], isObject
}

func (s *jsonScanner) close() {
	if len(s.stack) > 0 {
		s.stack = s.stack[:len(s.stack)-1]
	}
	s.key, s.expectsKey = s.key[:0], false
}

// path returns the keys that lead to the current value, joined by dots.
func (s *jsonScanner) path() string {
	keys := make([]string, 0, len(s.stack)+1)
	for _, c := range s.stack {
		if c.key != "" {
			keys = append(keys, c.key)
		}
	}
	if n := len(s.stack); n > 0 && s.stack[n-1].isObject {
		keys = append(keys, string(s.key))
	}
	return strings.Join(keys, ".")
}
