package media

import (
	"strings"

	"achuan/internal/lazyregexp"
)

// PictureFilter finds the pictures in the answer of a model that draws. The platform sends such an
// answer as text: Markdown pictures, often after lines that report the progress. The text comes in
// pieces that are cut anywhere. One goroutine uses a filter at a time.
type PictureFilter struct {
	// DropMarkdown removes the Markdown of pictures from the text.
	DropMarkdown bool
	// Link returns the link that clients get in place of a picture's own; nil leaves it.
	Link func(url string) string
	// HasDropped reports whether Markdown was removed.
	HasDropped bool

	held        string // the end of the text, if it may become a picture or a progress line
	isInLine    bool   // held does not begin a line
	emit        func(Piece)
	emittedText strings.Builder // joins neighbouring texts of one call
}

// Piece is a part of an answer: a text or a picture.
type Piece struct {
	Text string
	URL  string // of a picture: http or https
}

const (
	maxAlt          = 1 << 10 // bytes of the text of a picture
	maxPictureURL   = 8 << 10 // bytes
	maxProgressLine = 4 << 10 // bytes
)

// Add passes on what is known of the answer with the next text.
func (f *PictureFilter) Add(text string, emit func(Piece)) { f.filter(f.held+text, false, emit) }

// End passes on the rest.
func (f *PictureFilter) End(emit func(Piece)) { f.filter(f.held, true, emit) }

func (f *PictureFilter) filter(text string, isEnd bool, emit func(Piece)) {
	f.emit, f.held = emit, ""
	defer func() { f.flush(); f.emit = nil }()
	for text != "" {
		var size int // of what is decided; 0 when more text is needed
		switch {
		case !f.isInLine && text[0] == '>':
			size = f.quote(text, isEnd)
		case text[0] == '!':
			size = f.picture(text, isEnd)
		default:
			size = strings.IndexAny(text, "!\n") + 1
			switch {
			case size == 0:
				size = len(text)
			case text[size-1] == '!' && size > 1:
				size--
			}
			f.addText(text[:size])
		}
		if size == 0 {
			f.held = text
			return
		}
		f.isInLine = text[size-1] != '\n'
		text = text[size:]
	}
}

func (f *PictureFilter) addText(text string) { f.emittedText.WriteString(text) }

// flush emits the texts that were added since the last piece.
func (f *PictureFilter) flush() {
	if f.emittedText.Len() > 0 {
		f.emit(Piece{Text: f.emittedText.String()})
		f.emittedText.Reset()
	}
}

// progress matches the lines in which the platform reports the progress of a picture: the id of the
// task, its place in the queue, previews, and counts such as 12..34..56.
var progress = lazyregexp.New(`(?i)排队|生成中|绘制中|进度|任务|预览|\bqueue|\bprogress|\btask\b|\bpreview|\bdrawing|\d+\.\.\d+`)

// quote passes a quoted line on, unless it reports progress.
func (f *PictureFilter) quote(text string, isEnd bool) (size int) {
	size = strings.IndexByte(text, '\n') + 1
	switch {
	case size == 0 && !isEnd && len(text) <= maxProgressLine:
		return 0
	case size == 0:
		size = len(text)
	}
	if line := text[:size]; len(line) > maxProgressLine || !progress().MatchString(line) {
		f.addText(line)
	}
	return size
}

// picture passes on the Markdown of a picture and the picture, or only the "!" of something else.
func (f *PictureFilter) picture(text string, isEnd bool) (size int) {
	url, size, isOpen := parsePicture(text)
	switch {
	case isOpen && !isEnd:
		return 0
	case url == "":
		f.addText(text[:1])
		return 1
	}
	markdown := text[:size]
	if f.Link != nil {
		link := f.Link(url)
		markdown = strings.Replace(markdown, url, link, 1)
		url = link
	}
	if f.DropMarkdown {
		f.HasDropped = true
	} else {
		f.addText(markdown)
	}
	f.flush()
	f.emit(Piece{URL: url})
	return size
}

// parsePicture reads a Markdown picture, such as ![image](https://example.test/a.png "title"), at the
// beginning of text. isOpen says that more text may make it one. Only pictures with an http or https
// URL count.
func parsePicture(text string) (url string, size int, isOpen bool) {
	const open = "!["
	if len(text) < len(open) {
		return "", 0, strings.HasPrefix(open, text)
	}
	if !strings.HasPrefix(text, open) {
		return "", 0, false
	}
	alt := text[len(open):]
	end := strings.Index(alt, "](")
	if at := strings.IndexByte(alt, '\n'); at >= 0 && (end < 0 || at < end) || end > maxAlt {
		return "", 0, false
	}
	if end < 0 {
		return "", 0, len(alt) <= maxAlt
	}
	rest := alt[end+2:]
	last := strings.IndexAny(rest, ")\n")
	if last < 0 {
		return "", 0, len(rest) <= maxPictureURL && isURLStart(rest)
	}
	url, _, _ = strings.Cut(strings.TrimSpace(rest[:last]), " ")
	url = strings.TrimSuffix(strings.TrimPrefix(url, "<"), ">")
	if rest[last] != ')' || len(url) > maxPictureURL || !isHTTP(url) {
		return "", 0, false
	}
	return url, len(open) + end + 2 + last + 1, false
}

// isHTTP reports whether a link is of http or https, and has a host.
func isHTTP(url string) bool {
	for _, scheme := range schemes {
		if len(url) > len(scheme) && strings.EqualFold(url[:len(scheme)], scheme) {
			return true
		}
	}
	return false
}

var schemes = []string{"http://", "https://"}

// isURLStart reports whether text may become an http or https URL.
func isURLStart(text string) bool {
	text = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(text), "<"))
	for _, scheme := range schemes {
		n := min(len(scheme), len(text))
		if text[:n] == scheme[:n] {
			return true
		}
	}
	return false
}
