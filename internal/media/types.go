package media

import (
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/gabriel-vasile/mimetype"

	"achuan/internal/chat"
)

// pictures are the pictures that the platform accepts, with the extensions of their names. The
// first one is added to a name without one of them.
var pictures = map[string][]string{
	"image/png":  {".png"},
	"image/jpeg": {".jpg", ".jpeg"},
	"image/gif":  {".gif"},
	"image/webp": {".webp"},
}

// documents are the documents that are passed on, besides text.
var documents = map[string][]string{
	"application/pdf":    {".pdf"},
	"text/rtf":           {".rtf"},
	"application/msword": {".doc"}, "application/vnd.ms-excel": {".xls"}, "application/vnd.ms-powerpoint": {".ppt"},
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   {".docx"},
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         {".xlsx"},
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": {".pptx"},
	"application/vnd.oasis.opendocument.text":                                   {".odt"},
	"application/vnd.oasis.opendocument.spreadsheet":                            {".ods"},
	"application/vnd.oasis.opendocument.presentation":                           {".odp"},
	"application/epub+zip": {".epub"},
}

// identify returns the media type that the first bytes of a file show, and a name for it: the
// client's name with an extension that fits the type. What the client claims about the type does
// not count.
func identify(head []byte, source *chat.FileSource) (mediaType, name string, err error) {
	detected := mimetype.Detect(head)
	mediaType, _, _ = strings.Cut(detected.String(), ";")
	extensions, isPicture := pictures[mediaType]
	isText := false
	switch {
	case isPicture:
	case strings.HasPrefix(mediaType, "image/"):
		return "", "", invalidFile(source, "it is a picture of the type "+mediaType+"; send PNG, JPEG, GIF or WebP")
	case source.IsPicture:
		return "", "", invalidFile(source, "it is no picture but "+mediaType)
	default:
		var isDocument bool
		if extensions, isDocument = documents[mediaType]; !isDocument {
			if isText = isPlain(detected); !isText {
				return "", "", invalidFile(source, "files of the type "+mediaType+" are not accepted; send a picture, a PDF, an office document or text")
			}
			extensions = []string{detected.Extension()}
			if strings.HasPrefix(source.Type, "text/") {
				mediaType = source.Type // a kind of text that the bytes do not show, such as text/markdown
			}
		}
	}
	return mediaType, nameFor(source.Name, extensions, isText), nil
}

// isPlain reports whether a type is text.
func isPlain(detected *mimetype.MIME) bool {
	for m := detected; m != nil; m = m.Parent() {
		if m.Is("text/plain") {
			return true
		}
	}
	return false
}

// maxName limits a name in characters, without the extension that is added to it.
const maxName = 80

// nameFor returns the client's name with one of the extensions. A text may keep any extension that
// does not belong to another type, because source code has many.
func nameFor(given string, extensions []string, isText bool) string {
	name := cleanName(given)
	extension := strings.ToLower(path.Ext(name))
	isKnown := knownExtensions[extension]
	if slices.Contains(extensions, extension) || isText && extension != "" && !isKnown {
		return name
	}
	if isKnown {
		name = name[:len(name)-len(extension)]
	}
	if len(extensions) == 0 || extensions[0] == "" {
		return name + ".txt"
	}
	return name + extensions[0]
}

// cleanName returns the last element of a path without characters that a name of a file should not
// have. Brackets are among them, because the model reads the name in brackets.
func cleanName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune(`"<>|:*?[]/`, r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, name)
	name = strings.Trim(name, " .")
	if runes := []rune(name); len(runes) > maxName {
		extension := path.Ext(name)
		name = string(runes[:maxName]) + extension[:min(len(extension), maxExtension)]
	}
	if name == "" {
		return "file"
	}
	return name
}

// maxExtension limits an extension in bytes, when a long name is cut.
const maxExtension = 8

// knownExtensions are the extensions of pictures, documents and what is not accepted.
var knownExtensions = func() map[string]bool {
	known := map[string]bool{".zip": true, ".exe": true, ".svg": true, ".bmp": true, ".heic": true}
	for _, table := range []map[string][]string{pictures, documents} {
		for _, extensions := range table {
			for _, e := range extensions {
				known[e] = true
			}
		}
	}
	return known
}()
