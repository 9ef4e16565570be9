package simulator

import (
	"image/png"
	"net/http"
)

// album holds the wishes for the newest pictures: a picture is drawn when it is
// fetched. Simulator.mu guards it.
type album struct {
	wishes map[string]string // by file name
	order  []string          // of names, oldest first
}

const (
	albumPath = "/file/"
	albumSize = 200 // pictures kept
)

// add keeps a wish and returns the path of its picture.
func (a *album) add(id, wish string) string {
	if a.wishes == nil {
		a.wishes = map[string]string{}
	}
	if len(a.order) == albumSize {
		delete(a.wishes, a.order[0])
		a.order = append(a.order[:0], a.order[1:]...)
	}
	name := id + ".png"
	a.wishes[name] = wish
	a.order = append(a.order, name)
	return albumPath + name
}

// servePicture is GET /file/{name}. It needs no login: links are opened by browsers.
func (s *Simulator) servePicture(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	wish, ok := s.album.wishes[r.PathValue("name")]
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	_ = png.Encode(w, drawPicture(wish)) // fails only when the browser has left
}
