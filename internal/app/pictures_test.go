package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/config"
	"achuan/internal/simulator"
)

const (
	drawingModel = "gemini-3-pro-preview-image"
	pictureURL   = "https://cdn.example.test/a.png"
)

// pictures is what an answer has beside its text.
type pictures struct {
	Images []struct {
		Type     string
		Index    int
		ImageURL struct{ URL string } `json:"image_url"`
	}
}

// urls returns the URLs of pictures in the shape that clients know.
func (p pictures) urls(t *testing.T) (urls []string) {
	t.Helper()
	for _, image := range p.Images {
		if image.Type != "image_url" {
			t.Errorf("type of a picture = %q, want image_url", image.Type)
		}
		urls = append(urls, fmt.Sprint(image.Index, " ", image.ImageURL.URL))
	}
	return urls
}

// The pictures of an answer come as Markdown and as a list, whole and streamed, and also to a repetition. The
// conversation continues in its session.
func TestPicturesOfAnAnswer(t *testing.T) {
	answer := "Here:\n> 生成中\n> 进度 12..34..100\n\n![one](" + pictureURL + ")\n\n![two](" + pictureURL + "?2)\n"
	content := "Here:\n\n![one](" + pictureURL + ")\n\n![two](" + pictureURL + "?2)\n"
	want := []string{"0 " + pictureURL, "1 " + pictureURL + "?2"}
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprint("stream ", stream), func(t *testing.T) {
			sim := simulator.New(simulator.Options{})
			url := serve(t, sim, nil)
			sim.Script(simulator.Say(answer))
			body := fmt.Sprintf(`{"model": %q, "stream": %t, "messages": [{"role": "user", "content": "draw"}]}`, drawingModel, stream)
			for range 2 { // the second one is attached
				got := send(t, url, body, "Idempotency-Key", "k")
				text, urls := readPictures(t, got, stream)
				if diff := cmp.Diff(want, urls); got.status != http.StatusOK || text != content || diff != "" {
					t.Errorf("answer = %d %q with pictures (-want +got):\n%s", got.status, text, diff)
				}
			}
			if n := len(sim.Turns()); n != 1 {
				t.Errorf("questions = %d, want 1", n)
			}
			requirePlaced(t, askWith(t, url, drawingModel, message{"user", "draw"}, message{"assistant", content}, message{"user", "bluer"}), "continued")
		})
	}
}

// readPictures returns the text and the pictures of a reply.
func readPictures(t *testing.T, got *reply, isStream bool) (text string, urls []string) {
	t.Helper()
	if !isStream {
		var whole struct{ Choices []struct{ Message pictures } }
		if err := json.Unmarshal([]byte(got.body), &whole); err != nil || len(whole.Choices) != 1 {
			t.Fatalf("reply = %s, %v, want one choice", got.body, err)
		}
		return *got.Choices[0].Message.Content, whole.Choices[0].Message.urls(t)
	}
	for event := range strings.SplitSeq(strings.TrimSpace(got.body), "\n\n") {
		data := strings.TrimPrefix(event, "data: ")
		var chunk struct {
			Choices []struct {
				Delta struct {
					Content string
					pictures
				}
			}
		}
		if data == "[DONE]" {
			continue
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			t.Fatalf("decoding %q = %v", data, err)
		}
		for _, c := range chunk.Choices {
			text += c.Delta.Content
			urls = append(urls, c.Delta.urls(t)...)
		}
	}
	return text, urls
}

// ACHUAN_IMAGE_OUTPUT selects. When the text has no pictures, two answers look alike, so the conversation continues by
// replay.
func TestImageOutput(t *testing.T) {
	for _, c := range []struct {
		output, content, placement string
		urls                       int
	}{
		{"markdown", "Here: ![one](" + pictureURL + ")", "continued", 0},
		{"images", "Here: ", "replayed", 1},
	} {
		t.Run(c.output, func(t *testing.T) {
			sim := simulator.New(simulator.Options{})
			url := serve(t, sim, func(s *config.Settings) { s.ImageOutput = []string{c.output} })
			sim.Script(simulator.Say("Here: ![one](" + pictureURL + ")"))
			got := askWith(t, url, drawingModel, message{"user", "draw"})
			text, urls := readPictures(t, got, false)
			if text != c.content || len(urls) != c.urls {
				t.Errorf("answer = %q with pictures %q, want %q with %d", text, urls, c.content, c.urls)
			}
			requirePlaced(t, askWith(t, url, drawingModel, message{"user", "draw"}, message{"assistant", text}, message{"user", "bluer"}), c.placement)
		})
	}
}

// An answer of a model that does not draw is left as it is.
func TestMarkdownOfOtherModels(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	answer := "Write `![alt](" + pictureURL + ")`.\n> 进度 12..34\n"
	sim.Script(simulator.Say(answer))
	text, urls := readPictures(t, askWith(t, url, "gpt-5.1-high", message{"user", "How do I write a picture?"}), false)
	if text != answer || len(urls) != 0 {
		t.Errorf("answer = %q with pictures %q, want %q without", text, urls, answer)
	}
}
