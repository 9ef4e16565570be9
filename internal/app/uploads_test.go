package app_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"achuan/internal/postgrestest"
	"achuan/internal/simulator"
)

// uploadedFile is a file object, or an error.
type uploadedFile struct {
	ID, Object, Filename, Purpose, Status string
	Bytes                                 int
	Deleted                               bool
	Data                                  []uploadedFile
	HasMore                               bool `json:"has_more"`
	Error                                 *struct{ Code, Param, Message string }
}

// uploadFile sends a form with a file and fields, each "name=value".
func uploadFile(t *testing.T, url, name string, content []byte, fields ...string) (int, uploadedFile) {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for _, field := range fields {
		key, value, _ := strings.Cut(field, "=")
		_ = form.WriteField(key, value)
	}
	if content != nil {
		w, _ := form.CreateFormFile("file", name)
		_, _ = w.Write(content)
	}
	_ = form.Close()
	return callFiles(t, http.MethodPost, url+"/v1/files", b.String(), "Content-Type", form.FormDataContentType())
}

func callFiles(t *testing.T, method, url, body string, headers ...string) (int, uploadedFile) {
	t.Helper()
	resp, text := exchange(t, method, url, body, headers...)
	var f uploadedFile
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatalf("%s %s = %d %.300s: %v", method, url, resp.StatusCode, text, err)
	}
	return resp.StatusCode, f
}

// A file that was uploaded is used by its id, is the same as its bytes in a request, and stays after a restart.
func TestUploadedFiles(t *testing.T) {
	for name, database := range map[string]func(*testing.T) string{
		"SQLite":     func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "achuan.db") },
		"PostgreSQL": func(t *testing.T) string { return postgrestest.NewSchema(t).URL },
	} {
		t.Run(name, func(t *testing.T) {
			sim := simulator.New(simulator.Options{Token: "token"})
			settings := loadSettings(t, sim, "ACHUAN_DATABASE_URL="+database(t))
			r := runApp(t, settings, slog.New(slog.DiscardHandler))
			picture := pngOfWidth(t, 3)
			status, f := uploadFile(t, r.url, "photo.dat", picture, "purpose=vision", "expires_after[anchor]=created_at", "expires_after[seconds]=3600")
			if status != http.StatusOK || f.Object != "file" || f.Bytes != len(picture) || f.Filename != "photo.dat.png" || f.Status != "processed" {
				t.Fatalf("upload = %d %+v, want the file", status, f)
			}
			question := userSays(textPart("What is this?"), map[string]any{"type": "file", "file": map[string]any{"file_id": f.ID}})
			answer := requirePlaced(t, askWith(t, r.url, visionModel, question), "new")
			if turn := lastTurn(t, sim); len(turn.Files) != 1 || turn.Files[0].Data != dataURL("image/png", picture) {
				t.Errorf("platform got %d files, want the picture", len(turn.Files))
			}
			r.stop()
			<-r.done
			r = runApp(t, settings, slog.New(slog.DiscardHandler))
			same := userSays(textPart("What is this?"), picturePart(dataURL("image/png", picture)))
			requirePlaced(t, askWith(t, r.url, visionModel, same, answer, message{"user", "Sure?"}), "continued")

			resp, text := exchange(t, http.MethodGet, r.url+"/v1/files/"+f.ID+"/content", "")
			if text != string(picture) || resp.Header.Get("Content-Type") != "image/png" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("content = %d bytes of %q, want the picture", len(text), resp.Header.Get("Content-Type"))
			}
			if _, list := callFiles(t, http.MethodGet, r.url+"/v1/files?purpose=vision", ""); len(list.Data) != 1 || list.Data[0].ID != f.ID || list.HasMore {
				t.Errorf("list = %+v, want the file", list)
			}
			if status, gone := callFiles(t, http.MethodDelete, r.url+"/v1/files/"+f.ID, ""); status != http.StatusOK || !gone.Deleted {
				t.Errorf("deletion = %d %+v", status, gone)
			}
			if status, got := callFiles(t, http.MethodGet, r.url+"/v1/files/"+f.ID, ""); status != http.StatusNotFound || got.Error.Code != "not_found" {
				t.Errorf("deleted file = %d %+v, want 404", status, got)
			}
			got := askWith(t, r.url, visionModel, question)
			if got.status != http.StatusBadRequest || got.Error.Code != "invalid_file" || got.Error.Param != "messages[0].content[1].file.file_id" {
				t.Errorf("question with a deleted file = %d %s, want 400 invalid_file", got.status, got.body)
			}
		})
	}
}

func TestBadUploads(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	picture := pngOfWidth(t, 3)
	for _, c := range []struct {
		name    string
		content []byte
		fields  []string
		param   string
	}{
		{"no file", nil, []string{"purpose=vision"}, "file"},
		{"no purpose", picture, nil, "purpose"},
		{"another purpose", picture, []string{"purpose=batch"}, "purpose"},
		{"an empty file", []byte{}, []string{"purpose=vision"}, "file"},
		{"an archive", []byte("PK\x03\x04\x14\x00\x00\x00\x08\x00a.txt contents"), []string{"purpose=user_data"}, "file"},
		{"a wrong time", picture, []string{"purpose=vision", "expires_after[seconds]=5"}, "expires_after[seconds]"},
	} {
		status, got := uploadFile(t, url, "a.png", c.content, c.fields...)
		if status != http.StatusBadRequest || got.Error == nil || got.Error.Param != c.param {
			t.Errorf("%s: %d %+v, want 400 that names %s", c.name, status, got.Error, c.param)
		}
	}
	if status, got := callFiles(t, http.MethodPost, url+"/v1/files", "{}", "Content-Type", "application/json"); status != http.StatusUnsupportedMediaType {
		t.Errorf("JSON = %d %+v, want 415", status, got.Error)
	}
	if status, got := callFiles(t, http.MethodGet, url+"/v1/files?after=file-x", ""); status != http.StatusBadRequest || got.Error.Param != "after" {
		t.Errorf("after an unknown file = %d %+v, want 400", status, got.Error)
	}
}

// A copy of a drawn picture is kept under a signed link, which outlives the platform's, needs no key, and is the same
// picture when a client sends it back.
func TestPicturesAreKept(t *testing.T) {
	sim := simulator.New(simulator.Options{Token: "token"})
	settings := loadSettings(t, sim, "ACHUAN_API_KEYS=key-0123456789", "ACHUAN_FETCH_ALLOW=127.0.0.1",
		"ACHUAN_DATABASE_URL=sqlite:"+filepath.Join(t.TempDir(), "achuan.db"))
	r := runApp(t, settings, slog.New(slog.DiscardHandler))
	drawTwice(sim)
	got := send(t, r.url, `{"model": "`+drawingModel+`", "messages": [{"role": "user", "content": "draw"}]}`, "Authorization", "Bearer key-0123456789")
	text, urls := readPictures(t, got, false)
	if len(urls) != 2 {
		t.Fatalf("pictures = %v, want 2", urls)
	}
	_, link, _ := strings.Cut(urls[0], " ")
	if !strings.HasPrefix(link, r.url+"/v1/images/") || !strings.Contains(text, "("+link+")") {
		t.Fatalf("link = %s in %q, want one of this server", link, text)
	}
	resp, content := exchange(t, http.MethodGet, link, "", "Origin", "https://elsewhere.test")
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "image/") ||
		!strings.Contains(resp.Header.Get("Content-Security-Policy"), "sandbox") || content == "" {
		t.Errorf("picture = %d %v with %d bytes", resp.StatusCode, resp.Header, len(content))
	}
	for _, bad := range []string{link[:len(link)-1], strings.Split(link, "?")[0], strings.Replace(link, "/images/", "/images/0", 1)} {
		if resp, _ := exchange(t, http.MethodGet, bad, ""); resp.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s = %d, want 404", bad, resp.StatusCode)
		}
	}
	// The platform deletes its picture, and achuan restarts.
	notFound := func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { w.WriteHeader(http.StatusNotFound) }
	defer sim.Intercept(simulator.RoutePicture, notFound)()
	r.stop()
	<-r.done
	before := r.url
	r = runApp(t, settings, slog.New(slog.DiscardHandler))
	link = r.url + strings.TrimPrefix(link, before)
	if resp, again := exchange(t, http.MethodGet, link, ""); resp.StatusCode != http.StatusOK || again != content {
		t.Errorf("picture after a restart = %d with %d bytes, want the same %d", resp.StatusCode, len(again), len(content))
	}
	sim.OnTurn(nil)
	body, err := json.Marshal(map[string]any{"model": visionModel, "messages": []message{userSays(textPart("What?"), picturePart(link))}})
	if err != nil {
		t.Fatal(err)
	}
	if got := send(t, r.url, string(body), "Authorization", "Bearer key-0123456789"); got.status != http.StatusOK {
		t.Errorf("question with the link = %d %s", got.status, got.body)
	}
	if turn := lastTurn(t, sim); len(turn.Files) != 1 {
		t.Errorf("platform got %d files, want the picture", len(turn.Files))
	}
}
