package conversation

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"achuan/internal/chat"
)

// textLimit is the length of the longest text that the platform takes, in characters. No API of
// the platform tells it: it is set, or learned from texts that the platform has refused.
type textLimit struct {
	set int // 0: learned

	mu       sync.Mutex
	accepted int // the longest text that was accepted
	refused  int // the shortest text that was refused; 0: none, or too long ago
	learned  time.Time
}

const (
	// limitExpiry is how long a learned limit holds. The platform's owner may raise the limit.
	limitExpiry = time.Hour
	// minRefused is the shortest text from whose refusal a limit is learned. A shorter one was refused
	// for something else, such as the history that the platform adds.
	minRefused = 8_000
)

// max returns the longest text that is worth sending, in characters; 0 means that no limit is known.
func (l *textLimit) max() int {
	if l.set > 0 {
		return l.set
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused == 0 || time.Since(l.learned) > limitExpiry {
		l.refused = 0
		return 0
	}
	return l.refused - 1
}

// refuse learns that the platform has refused a text of that length.
func (l *textLimit) refuse(length int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if length < minRefused {
		return
	}
	if l.refused == 0 || length < l.refused {
		l.refused, l.learned = length, time.Now()
	}
	l.accepted = min(l.accepted, length-1)
}

// accept learns that the platform has accepted a text.
func (l *textLimit) accept(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(text) <= l.accepted {
		return // it has no more characters than bytes
	}
	l.accepted = max(l.accepted, utf8.RuneCountInString(text))
	if l.refused > 0 && l.refused <= l.accepted {
		l.refused = 0 // the limit was raised
	}
}

// estimate returns what the limit probably is, after a text of that length did not fit: the longest text
// that was accepted, and at least half of one that was refused.
func (l *textLimit) estimate(length int) int {
	if l.set > 0 {
		return l.set
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused > 0 {
		length = min(length, l.refused)
	}
	return max(l.accepted, length/2)
}

// isLonger reports whether a text of these parts has more than limit characters.
func isLonger(limit int, parts ...string) bool {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	return size > limit && textLength(parts...) > limit
}

func textLength(parts ...string) (n int) {
	for _, p := range parts {
		n += utf8.RuneCountInString(p)
	}
	return n
}

// A text that is too long for the platform is sent as a file, and this sentence stands in its
// place. The name of the file has the digest of the text, so that the sentence identifies the text
// in the platform's records.
const (
	inFileStart = "The text that belongs here is too long for a message. It is in the attached file "
	inFileEnd   = ". Read the whole file and treat it as if its text stood here; do not mention the file."
	// inFileDigest is how many bytes of the digest are in the name.
	inFileDigest = 12
)

// fileName returns the name of the file with the text.
func (s SentText) fileName() string {
	return "text-" + hex.EncodeToString(s.Digest[:inFileDigest]) + ".txt"
}

// inFile returns the sentence that stands for the text when it is sent as a file.
func (s SentText) inFile() string { return inFileStart + s.fileName() + inFileEnd }

// isInFile reports whether a stored question ends with the sentence for a text in a file.
func isInFile(question string) bool {
	start := strings.LastIndex(question, inFileStart)
	return start >= 0 && len(question)-start == len(SentText{}.inFile()) && strings.HasSuffix(question, inFileEnd)
}

// withPreamble puts the preamble in front of a text.
func withPreamble(preamble, text string) string {
	if preamble == "" {
		return text
	}
	return preamble + preambleEnd + text
}

const preambleEnd = "\n\n"

// checkSize returns an error if the platform does not take the content with the preamble in front,
// in any form.
func (t *turn) checkSize(c chat.Content, preamble string) error {
	if limit := t.engine.texts.max(); limit > 0 && isLonger(limit, preamble, preambleEnd, c.Text) {
		_, err := t.fit(c, preamble, limit)
		return err
	}
	return t.checkFiles(c)
}

// fit returns what is sent for the content with the preamble in front. If that has more than limit
// characters, the longer of the two texts becomes a file, or both do. 0 sets no limit.
func (t *turn) fit(c chat.Content, preamble string, limit int) (chat.Content, error) {
	isTooLong := func() bool { return limit > 0 && isLonger(limit, preamble, preambleEnd, c.Text) }
	if isTooLong() {
		length := textLength(preamble, c.Text)
		maxSize, isRead := t.textFiles()
		if !isRead {
			return chat.Content{}, t.tooLongError(length)
		}
		c.Files = slices.Clip(c.Files)
		texts := []*string{&c.Text, &preamble}
		if len(preamble) > len(c.Text) {
			texts[0], texts[1] = texts[1], texts[0]
		}
		for _, text := range texts {
			if !isTooLong() || *text == "" {
				break
			}
			file := textFile(*text)
			if maxSize > 0 && file.Size > maxSize {
				return chat.Content{}, t.tooLongError(length)
			}
			c.Files = append(c.Files, file)
			*text = describeText(*text).inFile()
		}
	}
	c.Text = withPreamble(preamble, c.Text)
	return c, t.checkFiles(c)
}

// textFiles is Question.TextFiles.
func (t *turn) textFiles() (maxSize int64, isRead bool) {
	if t.input.TextFiles == nil {
		return 0, false
	}
	return t.input.TextFiles()
}

// textFile returns a text as a file.
func textFile(text string) chat.File {
	return chat.File{
		Digest: sha256.Sum256([]byte(text)), Type: "text/plain", Name: describeText(text).fileName(),
		Size: int64(len(text)), Text: text,
	}
}

// isTextRefused reports whether the platform has refused a question because of the length of its text.
func isTextRefused(err error) bool {
	if err == nil {
		return false
	}
	e := chat.AsError(err)
	return e.TextTooLong && e.NotAsked
}

// askAsFile makes a file of the longer text of a question that the platform has refused as too long.
func (t *turn) askAsFile() error {
	preamble := ""
	if !t.preambleDigest.IsZero() {
		preamble = t.input.Preamble
	}
	length := textLength(t.question)
	t.engine.texts.refuse(length)
	c, err := t.fit(t.content, preamble, length-1)
	if err != nil {
		return err
	}
	t.question, t.files = c.Text, c.Files
	if t.stream != nil {
		t.stream.Close()
		t.stream = nil
	}
	return nil
}

// addTokens adds the number of tokens and its limit to an error about the length of the context.
func (t *turn) addTokens(e *chat.Error) {
	if e.Code != chat.CodeContextLengthExceeded || e.Tokens > 0 || t.input.CountTokens == nil {
		return
	}
	n := max(t.input.CountTokens(), 2)
	limit := n - 1 // only the platform's provider knows it
	if length := textLength(t.question); e.TextTooLong && len(t.files) == 0 && length > 0 {
		limit = t.tokenLimit(n, length)
	}
	e.SetTokens(n, limit)
}

// tokenLimit returns how many tokens fit, for a text of that length and that many tokens which does not.
func (t *turn) tokenLimit(tokens, length int) int {
	return max(min(tokens-1, int(float64(tokens)*float64(t.engine.texts.estimate(length))/float64(length))), 1)
}

// tooLongError returns the error for a text of that length, which neither fits nor becomes a file.
func (t *turn) tooLongError(length int) *chat.Error {
	e := chat.Invalid(chat.CodeContextLengthExceeded, "messages",
		"The text is too long for the platform. Shorten the conversation or the message.")
	e.TextTooLong, e.NotAsked = true, true
	if t.input.CountTokens != nil {
		n := max(t.input.CountTokens(), 2)
		e.SetTokens(n, t.tokenLimit(n, length))
	}
	return e
}
