package openai

import (
	"fmt"
	"slices"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// ImageRequest is a decoded request of the Images API: for new pictures, or for changes of pictures.
type ImageRequest struct {
	Model  string // "" is the first model that draws
	Prompt string
	N      int // pictures, 1 to 10
	// These become words of the prompt. "" leaves them to the model.
	Size, Quality, Background, Style string

	IsBase64     bool   // the client gets the bytes of the pictures, not links
	OutputFormat string // png, jpeg, or "" for the model's own; only with IsBase64
	Streamed     bool

	// Pictures are those that are changed. Their sources alias the body.
	Pictures []chat.File
	Unknown  []string // ignored keys: see jsonval.UnknownKeys
}

const (
	maxImages      = 10     // pictures of one request
	maxImagePrompt = 32_000 // bytes
	maxEditImages  = 16     // pictures that a request changes
)

// DecodeImages reads the body of a request of the Images API. isEdit says that the request brings
// pictures. Every error is a *chat.Error with the path of the field at fault.
func DecodeImages(body []byte, isEdit bool) (*ImageRequest, error) {
	root, err := jsonval.ParseObject(body)
	if err != nil {
		return nil, err
	}
	r := &ImageRequest{N: 1}
	if f := r.read(root, isEdit); f != nil {
		return nil, f.Public()
	}
	return r, nil
}

func (r *ImageRequest) read(root jsonval.Value, isEdit bool) *jsonval.Fault {
	var unknown jsonval.UnknownKeys
	var responseFormat, outputFormat string
	image := func(v jsonval.Value) *jsonval.Fault { return r.readPictures(v) }
	fields := []jsonval.Field{
		{Name: "prompt", Required: "a string that describes the picture", Text: &r.Prompt},
		{Name: "model", Text: &r.Model},
		{Name: "n", Read: func(v jsonval.Value) (f *jsonval.Fault) { r.N, f = v.AsInt(1, maxImages); return f }},
		{Name: "size", Read: func(v jsonval.Value) *jsonval.Fault { return readSize(v, &r.Size) }},
		word("quality", &r.Quality, "auto", "standard", "hd", "low", "medium", "high"),
		word("background", &r.Background, "auto", "transparent", "opaque"),
		word("style", &r.Style, "vivid", "natural"),
		word("response_format", &responseFormat, "url", "b64_json"),
		{Name: "output_format", Read: func(v jsonval.Value) *jsonval.Fault { return readOutputFormat(v, &outputFormat) }},
		{Name: "stream", Bool: &r.Streamed},
		{Name: "mask", Read: func(jsonval.Value) *jsonval.Fault {
			return jsonval.Unsupported("the platform takes no masks; say in the prompt what is to change")
		}},
		// These have no effect.
		{Name: "output_compression"}, {Name: "partial_images"}, {Name: "moderation"}, {Name: "user"}, {Name: "input_fidelity"},
	}
	if isEdit {
		fields = append(fields, jsonval.Field{Name: "image", Read: image}, jsonval.Field{Name: "images", Read: image})
	}
	if f := root.ReadFields(&unknown, "", fields...); f != nil {
		return f
	}
	r.Unknown = unknown.Names
	if strings.TrimSpace(r.Prompt) == "" {
		return jsonval.Invalid("expected a description of the picture, but got an empty string").In("prompt")
	}
	if len(r.Prompt) > maxImagePrompt {
		return jsonval.Invalid(fmt.Sprintf("expected at most %d bytes, but got %d", maxImagePrompt, len(r.Prompt))).In("prompt")
	}
	// A client that names a format wants bytes, as from OpenAI's newer models.
	r.IsBase64 = responseFormat == "b64_json" || responseFormat == "" && outputFormat != "" || r.Streamed
	if outputFormat != "" && !r.IsBase64 {
		return jsonval.Unsupported("a link leads to the picture as the platform has it; use b64_json").In("output_format")
	}
	r.OutputFormat = outputFormat
	return nil
}

// word is a field that has one of a few values. auto and standard ask for nothing.
func word(name string, to *string, values ...string) jsonval.Field {
	return jsonval.Field{Name: name, Read: func(v jsonval.Value) *jsonval.Fault {
		text, f := v.AsString()
		if f != nil {
			return f
		}
		if !slices.Contains(values, text) {
			return jsonval.WrongValue("one of "+strings.Join(values, ", "), v)
		}
		if *to = text; text == "auto" || text == "standard" {
			*to = ""
		}
		return nil
	}}
}

func readSize(v jsonval.Value, to *string) *jsonval.Fault {
	text, f := v.AsString()
	if f != nil || text == "auto" {
		return f
	}
	width, height, ok := strings.Cut(text, "x")
	if !ok || !isPixels(width) || !isPixels(height) {
		return jsonval.WrongValue("auto, or a size such as 1024x1024", v)
	}
	*to = text
	return nil
}

func isPixels(s string) bool {
	return len(s) >= 2 && len(s) <= 5 && strings.Trim(s, "0123456789") == ""
}

func readOutputFormat(v jsonval.Value, to *string) (f *jsonval.Fault) {
	switch *to, f = v.AsString(); {
	case f != nil:
		return f
	case *to == "webp":
		return jsonval.Unsupported("pictures cannot be converted to WebP; use png or jpeg")
	case *to != "png" && *to != "jpeg":
		return jsonval.WrongValue("png or jpeg", v)
	}
	return nil
}

// readPictures reads one picture or a list of them: URLs, or objects with an image_url.
func (r *ImageRequest) readPictures(v jsonval.Value) *jsonval.Fault {
	if v.Kind() != jsonval.Array {
		return r.readPicture(v, "image")
	}
	list := jsonval.List{Expected: "an array of pictures", Max: maxEditImages, Elements: "pictures"}
	return v.ReadElements(list, func(i int, e jsonval.Value) *jsonval.Fault {
		return r.readPicture(e, fmt.Sprintf("images[%d]", i))
	})
}

func (r *ImageRequest) readPicture(v jsonval.Value, path string) *jsonval.Fault {
	url := v
	if v.Kind() == jsonval.Object {
		url = v.Member("image_url")
		if url.IsAbsent() {
			return jsonval.Missing("an image_url", url).In("image_url")
		}
		path += ".image_url"
	}
	if url.Kind() != jsonval.String && url.Kind() != jsonval.Object {
		return jsonval.WrongType("a data URL or a link", url)
	}
	source, f := dialect.PictureSource(url)
	if f != nil {
		return f
	}
	source.Path = path
	r.Pictures = append(r.Pictures, chat.File{Source: source})
	return nil
}

// Request returns the question for a model that draws. The platform has no settings for pictures, so
// they become words of the prompt.
func (r *ImageRequest) Request() *chat.Request {
	words := []string{}
	if r.N > 1 {
		words = append(words, fmt.Sprintf("Draw %d different pictures.", r.N))
	}
	for _, w := range []struct{ name, value string }{
		{"Size", strings.ReplaceAll(r.Size, "x", " x ")}, {"Quality", r.Quality}, {"Background", r.Background}, {"Style", r.Style},
	} {
		if w.value != "" {
			words = append(words, w.name+": "+w.value+".")
		}
	}
	text := r.Prompt
	if len(words) > 0 {
		text += "\n\n" + strings.Join(words, " ")
	}
	return &chat.Request{
		Model: r.Model, N: 1, Draws: true,
		Messages: []chat.Message{{Role: chat.RoleUser, Text: text, Files: r.Pictures}},
	}
}
