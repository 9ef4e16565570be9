package app_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"achuan/internal/config"
	"achuan/internal/simulator"
)

// geminiPart is a part of a content of the Gemini API.
type geminiPart struct {
	Text       *string `json:"text,omitempty"`
	InlineData *struct {
		MIMEType string `json:"mimeType"`
		Data     string `json:"data"`
	} `json:"inlineData,omitempty"`
}

// readParts returns the parts of an answer, whole or streamed.
func readParts(t *testing.T, body string) (parts []geminiPart) {
	t.Helper()
	for chunk := range strings.SplitSeq(body, "\r\n\r\n") {
		chunk = strings.TrimPrefix(chunk, "data: ")
		if chunk == "" {
			continue
		}
		var answer struct {
			Candidates []struct{ Content struct{ Parts []geminiPart } }
		}
		if err := json.Unmarshal([]byte(chunk), &answer); err != nil || len(answer.Candidates) != 1 {
			t.Fatalf("chunk %.300s: %v", chunk, err)
		}
		parts = append(parts, answer.Candidates[0].Content.Parts...)
	}
	return parts
}

// A client of the Gemini API that asks for IMAGE gets pictures as bytes, and its conversation continues although it
// sends them back.
func TestPicturesOfGemini(t *testing.T) {
	for verb, modality := range map[string]string{"generateContent": "IMAGE", "streamGenerateContent?alt=sse": "IMAGE", "generateContent?": "TEXT"} {
		t.Run(verb, func(t *testing.T) {
			sim := simulator.New(simulator.Options{})
			url := serve(t, sim, func(s *config.Settings) { s.FetchAllow = []string{"127.0.0.1"} })
			drawTwice(sim)
			post := func(body string) []geminiPart {
				res, text := exchange(t, http.MethodPost, url+"/v1beta/models/"+drawingModel+":"+verb, body)
				if res.StatusCode != http.StatusOK {
					t.Fatalf("answer = %d %s", res.StatusCode, text)
				}
				return readParts(t, text)
			}
			const config = `"generationConfig": {"responseModalities": ["TEXT", "MODALITY"]}`
			ask := strings.Replace(`{"contents": [{"role": "user", "parts": [{"text": "draw"}]}], `+config+`}`, "MODALITY", modality, 1)
			parts := post(ask)
			pictures := 0
			for _, p := range parts {
				if p.InlineData == nil {
					continue
				}
				pictures++
				content, err := base64.StdEncoding.DecodeString(p.InlineData.Data)
				if err != nil || http.DetectContentType(content) != p.InlineData.MIMEType {
					t.Errorf("picture = %s with %d bytes (%v)", p.InlineData.MIMEType, len(content), err)
				}
			}
			if want := map[string]int{"IMAGE": 2, "TEXT": 0}[modality]; pictures != want {
				t.Errorf("%d pictures as bytes, want %d", pictures, want)
			}
			said, err := json.Marshal(parts)
			if err != nil {
				t.Fatal(err)
			}
			post(`{"contents": [{"role": "user", "parts": [{"text": "draw"}]}, {"role": "model", "parts": ` + string(said) + `}, {"role": "user", "parts": [{"text": "again"}]}]}`)
			if turns := sim.Turns(); len(turns) != 2 || turns[0].SessionID != turns[1].SessionID || turns[1].Text != "again" {
				t.Errorf("turns on the platform = %d, the last %q, want two in one session", len(turns), turns[len(turns)-1].Text)
			}
		})
	}
}
