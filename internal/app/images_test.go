package app_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"achuan/internal/config"
	"achuan/internal/simulator"
)

// imagesReply is the answer of the Images API.
type imagesReply struct {
	Created int64
	Data    []struct {
		URL string
		B64 string `json:"b64_json"`
	}
	Usage struct {
		Input  int `json:"input_tokens"`
		Output int `json:"output_tokens"`
		Total  int `json:"total_tokens"`
	}
	Error *struct{ Message, Code, Param string }
}

func decodeImages(t *testing.T, text string) (got imagesReply) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("decoding the reply = %v: %.300s", err, text)
	}
	return got
}

// drawTwice makes the simulator answer with two pictures that it serves.
func drawTwice(sim *simulator.Simulator) {
	sim.OnTurn(func(turn simulator.Turn) *simulator.Reply {
		reply := simulator.Say(fmt.Sprintf("> 进度 1..2\n\n![a](%s)\n\n![b](%s)\n", turn.PictureURL, turn.PictureURL))
		return &reply
	})
}

// requirePicture checks that base64 is a picture of a format.
func requirePicture(t *testing.T, text, format string) {
	t.Helper()
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, got, err := image.Decode(bytes.NewReader(content)); err != nil || got != format {
		t.Errorf("picture = %s, %v, want %s", got, err, format)
	}
}

// Pictures come as links and as bytes, in the format that the client wants. The settings become words of the prompt,
// and the session is deleted.
func TestGenerateImages(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, func(s *config.Settings) { s.ImageOutput = []string{config.ImageMarkdown} })
	drawTwice(sim)
	post := func(body string) imagesReply {
		t.Helper()
		res, text := exchange(t, http.MethodPost, url+"/v1/images/generations", body)
		got := decodeImages(t, text)
		if res.StatusCode != http.StatusOK || len(got.Data) != 2 || got.Created == 0 || got.Usage.Total == 0 || res.Header.Get("X-Session-Id") == "" {
			t.Fatalf("POST %s = %d %.300s, want two pictures", body, res.StatusCode, text)
		}
		return got
	}
	got := post(`{"prompt": "a cat", "n": 2, "size": "1536x1024", "quality": "hd", "background": "transparent", "style": "vivid", "user": "ann"}`)
	if !strings.Contains(got.Data[0].URL, "/v1/images/") || got.Data[0].B64 != "" {
		t.Errorf("picture = %+v, want a link", got.Data[0])
	}
	turn := lastTurn(t, sim)
	want := "a cat\n\nDraw 2 different pictures. Size: 1536 x 1024. Quality: hd. Background: transparent. Style: vivid."
	if turn.Text != want || turn.Model != drawingModel {
		t.Errorf("platform got %q for %s, want %q", turn.Text, turn.Model, want)
	}
	requirePicture(t, post(`{"prompt": "a cat", "model": "gemini-3-pro-preview-image", "response_format": "b64_json"}`).Data[0].B64, "png")
	requirePicture(t, post(`{"prompt": "a cat", "output_format": "jpeg", "quality": "auto"}`).Data[1].B64, "jpeg")
	if text := lastTurn(t, sim).Text; text != "a cat" {
		t.Errorf("platform got %q, want the prompt alone", text)
	}
	if err := sim.Await(t.Context(), func() bool { return len(sim.Deleted()) == 3 }); err != nil {
		t.Errorf("deleted sessions = %v, want all three", sim.Deleted())
	}
}

func TestStreamImages(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	drawTwice(sim)
	res, text := exchange(t, http.MethodPost, url+"/v1/images/generations", `{"prompt": "a cat", "stream": true, "partial_images": 2}`)
	events := strings.Split(strings.TrimSpace(text), "\n\n")
	if res.StatusCode != http.StatusOK || len(events) != 2 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("stream = %d with %d events: %.300s, want two", res.StatusCode, len(events), text)
	}
	for _, event := range events {
		data, ok := strings.CutPrefix(event, "event: image_generation.completed\ndata: ")
		var got struct {
			Type   string
			B64    string `json:"b64_json"`
			Format string `json:"output_format"`
		}
		if err := json.Unmarshal([]byte(data), &got); !ok || err != nil || got.Type != "image_generation.completed" || got.Format != "png" {
			t.Fatalf("event = %.200s, %v, want a picture", event, err)
		}
		requirePicture(t, got.B64, "png")
	}
}

// A form and JSON bring the pictures that are to change.
func TestEditImages(t *testing.T) {
	sim := simulator.New(simulator.Options{Models: []simulator.Model{
		{Value: drawingModel, Label: "Draws", Points: "1积分", Tag: "图片模型", Multimodal: true, OnlyImages: true, Draws: true},
	}})
	url := serve(t, sim, nil)
	drawTwice(sim)
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for name, value := range map[string]string{"prompt": "make it blue", "n": "2", "size": "auto", "response_format": "b64_json"} {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 {
		file, err := w.CreateFormFile("image[]", "photo.jpg") // it is a PNG
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(pngOfWidth(t, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, contentType, body string }{
		{"form", w.FormDataContentType(), form.String()},
		{"JSON", "application/json", fmt.Sprintf(`{"prompt": "make it blue", "n": 2, "response_format": "b64_json", "images": [{"image_url": %q}, {"image_url": %q}]}`,
			dataURL("image/png", pngOfWidth(t, 1)), dataURL("image/png", pngOfWidth(t, 2)))},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, text := exchange(t, http.MethodPost, url+"/v1/images/edits", c.body, "Content-Type", c.contentType)
			got := decodeImages(t, text)
			if res.StatusCode != http.StatusOK || len(got.Data) != 2 {
				t.Fatalf("reply = %d %.300s, want two pictures", res.StatusCode, text)
			}
			requirePicture(t, got.Data[0].B64, "png")
			turn := lastTurn(t, sim)
			if len(turn.Files) != 2 || turn.Text != "make it blue\n\nDraw 2 different pictures." || !strings.HasSuffix(turn.Files[0].Name, ".png") {
				t.Errorf("platform got %q with files %.200v, want both pictures", turn.Text, turn.Files)
			}
		})
	}
}

// Wrong requests are a 400 that names the field, and nothing is asked.
func TestWrongImageRequests(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	const form = "multipart/form-data; boundary=x"
	part := func(name, value string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	for _, c := range []struct{ name, path, contentType, body, code, param string }{
		{"no prompt", "generations", "", `{}`, "missing_required_parameter", "prompt"},
		{"empty prompt", "generations", "", `{"prompt": " "}`, "invalid_value", "prompt"},
		{"number as prompt", "generations", "", `{"prompt": 5}`, "invalid_type", "prompt"},
		{"n", "generations", "", `{"prompt": "a", "n": 11}`, "invalid_value", "n"},
		{"size", "generations", "", `{"prompt": "a", "size": "large"}`, "invalid_value", "size"},
		{"quality", "generations", "", `{"prompt": "a", "quality": "best"}`, "invalid_value", "quality"},
		{"response format", "generations", "", `{"prompt": "a", "response_format": "png"}`, "invalid_value", "response_format"},
		{"WebP", "generations", "", `{"prompt": "a", "output_format": "webp"}`, "unsupported_parameter", "output_format"},
		{"a format for links", "generations", "", `{"prompt": "a", "output_format": "png", "response_format": "url"}`, "unsupported_parameter", "output_format"},
		{"a model that does not draw", "generations", "", `{"prompt": "a", "model": "gpt-5.1-high"}`, "invalid_value", "model"},
		{"an unknown model", "generations", "", `{"prompt": "a", "model": "dall-e-3"}`, "model_not_found", "model"},
		{"no picture", "edits", "", `{"prompt": "a"}`, "missing_required_parameter", "image"},
		{"a mask", "edits", "", `{"prompt": "a", "mask": "data:image/png;base64,AAAA"}`, "unsupported_parameter", "mask"},
		{"no URL", "edits", "", `{"prompt": "a", "images": [{}]}`, "missing_required_parameter", "images[0].image_url"},
		{"a broken picture", "edits", "", `{"prompt": "a", "image": "data:image/png;base64,AAAA"}`, "invalid_file", "image"},
		{"a form without pictures", "edits", form, part("prompt", "a") + "--x--\r\n", "missing_required_parameter", "image"},
		{"a form with a text as picture", "edits", form, part("prompt", "a") + part("image", "text") + "--x--\r\n", "invalid_file", "image[0]"},
		{"a form that is cut", "edits", form, part("prompt", "a"), "invalid_value", ""},
		{"no form", "edits", form, "hello", "missing_required_parameter", "image"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.contentType == "" {
				c.contentType = "application/json"
			}
			res, text := exchange(t, http.MethodPost, url+"/v1/images/"+c.path, c.body, "Content-Type", c.contentType)
			e := decodeImages(t, text).Error
			if res.StatusCode != http.StatusBadRequest || e == nil || e.Code != c.code || e.Param != c.param {
				t.Errorf("reply = %d %s, want 400 %s of %q", res.StatusCode, text, c.code, c.param)
			}
		})
	}
	if n := len(sim.Attempts()); n != 0 {
		t.Errorf("questions = %d, want none", n)
	}
}

// A failure after the question does not invite a repetition, which would be paid for again.
func TestFailedImages(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	for _, c := range []struct {
		answer, body, message string
		status                int
	}{
		{"I cannot draw this.", `{"prompt": "a"}`, "I cannot draw this.", http.StatusUnprocessableEntity},
		{"![a](http://127.0.0.2:9/a.png)", `{"prompt": "a", "response_format": "b64_json"}`, "http://127.0.0.2:9/a.png", http.StatusUnprocessableEntity},
	} {
		sim.Script(simulator.Say(c.answer))
		res, text := exchange(t, http.MethodPost, url+"/v1/images/generations", c.body)
		e := decodeImages(t, text).Error
		if res.StatusCode != c.status || e == nil || !strings.Contains(e.Message, c.message) {
			t.Errorf("answer %q = %d %s, want %d that says %q", c.answer, res.StatusCode, text, c.status, c.message)
		}
		if res.Header.Get("X-Should-Retry") != "false" {
			t.Errorf("x-should-retry = %q, want false", res.Header.Get("X-Should-Retry"))
		}
	}
	sim.Script(simulator.CutShort("half"))
	if res, text := exchange(t, http.MethodPost, url+"/v1/images/generations", `{"prompt": "a", "stream": true}`); !strings.Contains(text, "backend_truncated") {
		t.Errorf("answer that was cut = %d %s, want backend_truncated", res.StatusCode, text)
	}
}
