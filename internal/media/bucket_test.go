package media

import (
	"errors"
	"io"
	"io/fs"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// A bucket of an S3-compatible service stores, opens and deletes objects.
func TestBucket(t *testing.T) {
	backend := s3mem.New()
	server := httptest.NewServer(gofakes3.New(backend).Server())
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	b, err := NewBucket("s3://key:secret@" + host + "/files/some/prefix?region=eu-1&tls=off")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := b.Check(ctx); err == nil {
		t.Error("Check of a bucket that does not exist = nil, want an error")
	}
	if err := backend.CreateBucket("files"); err != nil {
		t.Fatal(err)
	}
	if err := b.Check(ctx); err != nil {
		t.Error(err)
	}
	if err := b.Put(ctx, "a", strings.NewReader("content"), 7); err != nil {
		t.Fatal(err)
	}
	if _, err := backend.HeadObject("files", "some/prefix/a"); err != nil {
		t.Errorf("the object is not below the prefix: %v", err)
	}
	content, err := b.Get(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(content)
	if err := errors.Join(err, content.Close()); err != nil || string(got) != "content" {
		t.Errorf("Get = %q, %v, want the content", got, err)
	}
	for range 2 { // to delete what is gone is no error
		if err := b.Delete(ctx, "a"); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.Get(ctx, "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Get of a deleted object = %v, want fs.ErrNotExist", err)
	}
}

func TestBucketURL(t *testing.T) {
	for _, bad := range []string{
		"http://k:s@host/b", "s3://host", "s3:///b", "s3://k:s@host/b?tls=maybe", "s3://k:s@host/b?acl=x", "s3://k:topsecret@ho st/b",
	} {
		if _, err := NewBucket(bad); !errors.Is(err, ErrBucketURL) || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("NewBucket(%q) = %v, want ErrBucketURL without the secret", bad, err)
		}
	}
}
