package openai

import (
	"encoding/base64"
	"slices"
	"strconv"
	"time"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// Picture is a picture of an answer: its link, or its bytes.
type Picture struct {
	URL   string
	Bytes []byte // nil for a link
	Type  string // media type of Bytes
}

// AppendImages appends the answer of the Images API.
func AppendImages(dst []byte, created time.Time, pictures []Picture, u chat.Usage) []byte {
	size := 256
	for _, p := range pictures {
		size += 64 + len(p.URL) + base64.StdEncoding.EncodedLen(len(p.Bytes))
	}
	dst = slices.Grow(dst, size)
	dst = append(dst, `{"created":`...)
	dst = strconv.AppendInt(dst, created.Unix(), 10)
	dst = append(dst, `,"data":[`...)
	for i, p := range pictures {
		if i > 0 {
			dst = append(dst, ',')
		}
		if p.Bytes == nil {
			dst = append(dst, `{"url":`...)
			dst = jsonval.AppendString(dst, p.URL)
		} else {
			dst = append(dst, `{"b64_json":"`...)
			dst = base64.StdEncoding.AppendEncode(dst, p.Bytes)
			dst = append(dst, '"')
		}
		dst = append(dst, '}')
	}
	dst = append(dst, "],"...)
	dst = appendImageUsage(dst, u)
	return append(dst, '}')
}

// AppendImageEvent appends the event of a stream that brings a picture. kind is image_generation or
// image_edit.
func AppendImageEvent(dst []byte, kind string, created time.Time, p Picture, r *ImageRequest, u chat.Usage) []byte {
	orAuto := func(s string) string {
		if s == "" {
			return "auto"
		}
		return s
	}
	dst = slices.Grow(dst, 512+base64.StdEncoding.EncodedLen(len(p.Bytes)))
	dst = append(dst, "event: "+kind+".completed\ndata: {\"type\":\""+kind+`.completed","b64_json":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, p.Bytes)
	dst = append(dst, `","created_at":`...)
	dst = strconv.AppendInt(dst, created.Unix(), 10)
	for _, field := range []struct{ name, value string }{
		{"size", orAuto(r.Size)}, {"quality", orAuto(r.Quality)}, {"background", orAuto(r.Background)},
		{"output_format", formatOf(p.Type)},
	} {
		dst = append(dst, `,"`+field.name+`":`...)
		dst = jsonval.AppendString(dst, field.value)
	}
	dst = append(dst, ',')
	dst = appendImageUsage(dst, u)
	return append(dst, "}\n\n"...)
}

// formatOf returns the output_format of a media type: png for image/png.
func formatOf(mediaType string) string {
	const prefix = "image/"
	return mediaType[min(len(prefix), len(mediaType)):]
}

// appendImageUsage appends the usage in the shape of the Images API.
func appendImageUsage(dst []byte, u chat.Usage) []byte {
	dst = append(dst, `"usage":{"total_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.PromptTokens+u.CompletionTokens), 10)
	dst = append(dst, `,"input_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.PromptTokens), 10)
	dst = append(dst, `,"output_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.CompletionTokens), 10)
	dst = append(dst, `,"input_tokens_details":{"text_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.PromptTokens), 10)
	return append(dst, `,"image_tokens":0}}`...)
}

// ImageStream is how the event streams of the Images API are kept open.
type ImageStream struct{}

// ContentType is the media type of the stream.
func (ImageStream) ContentType() string { return dialect.EventStream }

// AppendKeepAlive appends a comment.
func (ImageStream) AppendKeepAlive(dst []byte) []byte {
	return append(dst, dialect.KeepAliveComment...)
}
