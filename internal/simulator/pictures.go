package simulator

import (
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
	"net/http"
)

// pictures holds the prompts of the newest pictures. A picture is drawn when a client fetches it. Simulator.mu
// guards it.
type pictures struct {
	prompts map[string]string // by file name
	order   []string          // file names, oldest first
}

const (
	picturePath   = "/file/"
	maxPictures   = 200
	pictureWidth  = 480
	pictureHeight = 320
)

// add stores a prompt and returns the path of its picture.
func (p *pictures) add(id, prompt string) string {
	if p.prompts == nil {
		p.prompts = map[string]string{}
	}
	if len(p.order) == maxPictures {
		delete(p.prompts, p.order[0])
		p.order = append(p.order[:0], p.order[1:]...)
	}
	name := id + ".png"
	p.prompts[name] = prompt
	p.order = append(p.order, name)
	return picturePath + name
}

// servePicture serves GET /file/{name}. It needs no login, because browsers open the links.
func (s *Simulator) servePicture(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	prompt, ok := s.pictures.prompts[r.PathValue("name")]
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	_ = png.Encode(w, drawPicture(prompt)) // fails only when the client has left
}

// picturePrompt returns the last message of the user in a question.
func picturePrompt(text string) string {
	prompt := text
	for _, m := range SplitReplay(text) {
		if m.Role == "user" {
			prompt = m.Text
		}
	}
	return prompt
}

// drawPicture draws a gradient between two colours, which are a hash of the prompt. So the same prompt gives
// the same picture.
func drawPicture(prompt string) *image.RGBA {
	h := fnv.New64a()
	h.Write([]byte(prompt))
	colors := h.Sum(nil) // bytes 0-2 are the colour at the top, bytes 3-5 the colour at the bottom
	img := image.NewRGBA(image.Rect(0, 0, pictureWidth, pictureHeight))
	for y := range pictureHeight {
		mix := func(i int) uint8 {
			return uint8((int(colors[i])*(pictureHeight-y) + int(colors[i+3])*y) / pictureHeight)
		}
		row := color.RGBA{R: mix(0), G: mix(1), B: mix(2), A: 255}
		for x := range pictureWidth {
			img.SetRGBA(x, y, row)
		}
	}
	return img
}
