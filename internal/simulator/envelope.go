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

// envelope is the body of each reply that is no stream, with the keys in the order of the platform.
type envelope struct {
	Code int    `json:"code"`
	Data any    `json:"data"`
	Msg  string `json:"msg"`
}

// listPage is the data of a reply with a list.
type listPage struct {
	Page    int     `json:"page"`
	Size    int     `json:"size"`
	Search  *string `json:"search"`
	Asc     bool    `json:"asc"`
	Total   int     `json:"total"`
	Pages   int     `json:"pages"`
	Records any     `json:"records"`
}

const jsonType = "application/json; charset=utf-8"

// marshal encodes numbers, strings and structs of them, which cannot fail.
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
	// Marshal escapes <, > and &, as the platform does.
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

// readJSON decodes one JSON value from the body into v and returns its bytes. It ignores the rest of the body, as
// the platform does, but reads it: only then net/http notices a client that leaves.
func readJSON(r *http.Request, v any) ([]byte, error) {
	var raw bytes.Buffer
	err := json.NewDecoder(io.TeeReader(r.Body, &raw)).Decode(v)
	if _, rest := io.Copy(io.Discard, r.Body); err == nil {
		err = rest
	}
	return raw.Bytes(), err
}

// newListPage returns page n (from 1) of a list, newest first. The list has total items, and item(i) is the i-th
// oldest. A page after the last one is empty.
func newListPage[T any](n, size, total int, item func(i int) T) listPage {
	n = max(n, 1)
	out := []T{}
	for i := total - 1 - (n-1)*size; i >= 0 && i > total-1-n*size; i-- {
		out = append(out, item(i))
	}
	return listPage{Page: n, Size: size, Total: total, Pages: (total + size - 1) / size, Records: out}
}

// parsePageNumber returns ?page=, or 1 when it is not a number.
func parsePageNumber(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || n > 1<<20 {
		return 1
	}
	return n
}

// parsePathID returns the {id} of the path. When it is not a number, it writes a reply and reports false.
func parsePathID(w http.ResponseWriter, r *http.Request) (int64, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		writeFailure(w, http.StatusBadRequest, 1, "参数错误")
	}
	return id, err == nil
}

// platformZone is the time zone of the platform. Its times do not name it.
var platformZone = time.FixedZone("UTC+8", 8*60*60)

// formatTime formats a time as the platform does.
func formatTime(t time.Time) string { return t.In(platformZone).Format(time.DateTime) }

// isVersionAtLeast reports whether a version such as "3.1.0" is major.minor or later.
func isVersionAtLeast(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	have, _ := strconv.Atoi(parts[0])
	if have != major || len(parts) == 1 {
		return have > major
	}
	sub, _ := strconv.Atoi(parts[1])
	return sub >= minor
}
