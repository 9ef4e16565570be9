package simulator

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// envelope is every reply that is no stream. The order of the keys is the
// platform's.
type envelope struct {
	Code int    `json:"code"`
	Data any    `json:"data"`
	Msg  string `json:"msg"`
}

// page is the platform's list wrapper.
type page struct {
	Page    int     `json:"page"`
	Size    int     `json:"size"`
	Search  *string `json:"search"`
	Asc     bool    `json:"asc"`
	Total   int     `json:"total"`
	Pages   int     `json:"pages"`
	Records any     `json:"records"`
}

const jsonType = "application/json; charset=utf-8"

// marshal is for what always marshals: plain numbers, strings and structs of them.
func marshal(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}

func writeData(w http.ResponseWriter, data any) {
	writeEnvelope(w, http.StatusOK, envelope{Data: data})
}

func writeFailure(w http.ResponseWriter, status, code int, msg string) {
	writeEnvelope(w, status, envelope{Code: code, Msg: msg})
}

func writeEnvelope(w http.ResponseWriter, status int, e envelope) {
	// Marshal escapes <, > and & for HTML, as the platform does.
	body, err := json.Marshal(e)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", jsonType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// readJSON reads one JSON value and returns its raw bytes as well. What follows it
// is dropped, as the platform's framework does; but it is read, because only then
// the server notices a client that leaves.
func readJSON(r *http.Request, v any) ([]byte, error) {
	var raw bytes.Buffer
	err := json.NewDecoder(io.TeeReader(r.Body, &raw)).Decode(v)
	if _, rest := io.Copy(io.Discard, r.Body); err == nil {
		err = rest
	}
	return raw.Bytes(), err
}

// paged cuts page n (from 1) of the given size out of total items, newest first.
// item(i) is the i-th oldest. A page beyond the last one is empty.
func paged[T any](n, size, total int, item func(i int) T) page {
	n = max(n, 1)
	out := []T{}
	for i := total - 1 - (n-1)*size; i >= 0 && i > total-1-n*size; i-- {
		out = append(out, item(i))
	}
	return page{Page: n, Size: size, Total: total, Pages: (total + size - 1) / size, Records: out}
}

// pageNumber reads ?page=; what is no number is page 1.
func pageNumber(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || n > 1<<20 {
		return 1
	}
	return n
}

// pathID reads the {id} of a path. When it is no number the reply is written.
func pathID(w http.ResponseWriter, r *http.Request) (int64, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		writeFailure(w, http.StatusBadRequest, 1, "参数错误")
	}
	return id, err == nil
}

// zone is the platform's: its times carry none.
var zone = time.FixedZone("UTC+8", 8*60*60)

// stamp writes a time as the platform does.
func stamp(t time.Time) string { return t.In(zone).Format(time.DateTime) }

// atLeast reports whether a version such as "3.1.0" is major.minor or later.
func atLeast(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	have, _ := strconv.Atoi(parts[0])
	if have != major || len(parts) == 1 {
		return have > major
	}
	sub, _ := strconv.Atoi(parts[1])
	return sub >= minor
}
