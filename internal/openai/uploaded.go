package openai

import (
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// AppendFile appends a file object.
func AppendFile(dst []byte, f chat.UploadedFile) []byte {
	dst = append(dst, `{"id":`...)
	dst = jsonval.AppendString(dst, f.ID)
	dst = append(dst, `,"object":"file","bytes":`...)
	dst = strconv.AppendInt(dst, f.Size, 10)
	dst = append(dst, `,"created_at":`...)
	dst = strconv.AppendInt(dst, f.Created.Unix(), 10)
	if !f.Expires.IsZero() {
		dst = append(dst, `,"expires_at":`...)
		dst = strconv.AppendInt(dst, f.Expires.Unix(), 10)
	}
	dst = append(dst, `,"filename":`...)
	dst = jsonval.AppendString(dst, f.Name)
	dst = append(dst, `,"purpose":`...)
	dst = jsonval.AppendString(dst, f.Purpose)
	return append(dst, `,"status":"processed"}`...)
}

// AppendFiles appends a page of files.
func AppendFiles(dst []byte, page []chat.UploadedFile, hasMore bool) []byte {
	first, last := "", ""
	dst = append(dst, `{"object":"list","data":[`...)
	for i, f := range page {
		if i > 0 {
			dst = append(dst, ',')
		} else {
			first = f.ID
		}
		dst, last = AppendFile(dst, f), f.ID
	}
	dst = append(dst, `],"first_id":`...)
	dst = jsonval.AppendStringOrNull(dst, first)
	dst = append(dst, `,"last_id":`...)
	dst = jsonval.AppendStringOrNull(dst, last)
	return appendMore(dst, hasMore)
}

// AppendDeletedFile appends the reply to a deletion.
func AppendDeletedFile(dst []byte, id string) []byte {
	dst = append(dst, `{"id":`...)
	dst = jsonval.AppendString(dst, id)
	return append(dst, `,"object":"file","deleted":true}`...)
}
