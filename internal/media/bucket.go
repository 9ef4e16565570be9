package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Bucket keeps objects in a bucket of an S3-compatible service.
type Bucket struct {
	client         *minio.Client
	bucket, prefix string
}

// ErrBucketURL says how the URL of a bucket is written.
var ErrBucketURL = errors.New("want s3://ID:KEY@HOST/BUCKET/PREFIX?region=REGION (the key may also be in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; tls=off is for http)")

// NewBucket returns the bucket of a URL: s3://ID:KEY@HOST[:PORT]/BUCKET[/PREFIX][?region=REGION][&tls=off].
// Without a key in it, the key is that of the usual variables of AWS, or of the machine's role. It does not
// connect.
func NewBucket(rawURL string) (*Bucket, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != "s3" || u.Host == "" {
		return nil, ErrBucketURL // url.Error would contain the secret
	}
	name, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	query := u.Query()
	isPlain := query.Get("tls") == "off"
	if name == "" || (query.Has("tls") && !isPlain) {
		return nil, ErrBucketURL
	}
	for field := range query {
		if field != "region" && field != "tls" {
			return nil, fmt.Errorf("unknown field %q: %w", field, ErrBucketURL)
		}
	}
	if prefix != "" {
		prefix += "/"
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds: bucketCredentials(u.User), Secure: !isPlain, Region: query.Get("region"), MaxRetries: 3,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.Host, ErrBucketURL)
	}
	client.SetAppInfo("achuan", "")
	return &Bucket{client, name, prefix}, nil
}

func bucketCredentials(user *url.Userinfo) *credentials.Credentials {
	if user != nil {
		secret, _ := user.Password()
		return credentials.NewStaticV4(user.Username(), secret, "")
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.IAM{Client: &http.Client{Timeout: 5 * time.Second}},
	})
}

// Put stores an object.
func (b *Bucket) Put(ctx context.Context, key string, content io.Reader, size int64) error {
	_, err := b.client.PutObject(ctx, b.bucket, b.prefix+key, content, size, minio.PutObjectOptions{
		ContentType: "application/octet-stream", DisableMultipart: true,
	})
	return err
}

// Get opens an object.
func (b *Bucket) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	o, err := b.client.GetObject(ctx, b.bucket, b.prefix+key, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	if _, err := o.Stat(); err != nil { // GetObject has sent nothing
		_ = o.Close()
		if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
			err = fmt.Errorf("%w: %w", fs.ErrNotExist, err)
		}
		return nil, err
	}
	return o, nil
}

// Delete deletes an object.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	return b.client.RemoveObject(ctx, b.bucket, b.prefix+key, minio.RemoveObjectOptions{})
}

// Check returns an error if the bucket does not exist or cannot be reached.
func (b *Bucket) Check(ctx context.Context) error {
	exists, err := b.client.BucketExists(ctx, b.bucket)
	if err == nil && !exists {
		err = fmt.Errorf("there is no bucket %q", b.bucket)
	}
	return err
}
