package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/gif" // decodes what is converted
	"image/jpeg"
	"image/png"
	"io"

	"achuan/internal/chat"
)

const (
	jpegQuality   = 90
	maxPixels     = 20 << 20 // of a picture that is converted, which takes 8 bytes for each of them
	formatJPEG    = "jpeg"
	mediaTypePNG  = "image/png"
	mediaTypeJPEG = "image/jpeg"
)

// Picture downloads a picture that a model has drawn, and converts it to the format: png, jpeg, or ""
// to leave it as it is. Its errors are *chat.Error, and name the link, because the picture is paid for.
func (l *Library) Picture(ctx context.Context, url, format string) (content []byte, mediaType string, err error) {
	content, mediaType, err = l.download(ctx, url)
	if err == nil {
		content, mediaType, err = l.convert(content, mediaType, format)
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, "", cause
		}
		return nil, "", &chat.Error{
			Kind: chat.KindUnprocessable, Code: chat.CodeInvalidModelOutput, Cause: err,
			Message: fmt.Sprintf("The picture was drawn, but its bytes cannot be sent: %v. It is at %s.", err, url),
		}
	}
	return content, mediaType, nil
}

func (l *Library) download(ctx context.Context, url string) (content []byte, mediaType string, err error) {
	opened, err := l.openPicture(ctx, url)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = opened.Close() }() // it is read to its end, or not needed
	content, err = io.ReadAll(io.LimitReader(opened, MaxFile+1))
	switch {
	case err != nil:
		return nil, "", err
	case len(content) > MaxFile:
		return nil, "", fmt.Errorf("it is larger than %d MiB", MaxFile>>20)
	}
	mediaType, _, err = identify(content[:min(len(content), maxPrefix)], &chat.FileSource{IsPicture: true})
	if err != nil {
		return nil, "", errors.New("it is no picture")
	}
	return content, mediaType, nil
}

// openPicture opens a picture of an answer: the copy that this server has kept, or the one that the link leads to.
func (l *Library) openPicture(ctx context.Context, url string) (io.ReadCloser, error) {
	if d, isKept := l.signer.parse(url); isKept {
		content, _, err := l.blobs.Open(d)
		return content, err
	}
	if l.answers == nil {
		return nil, errors.New("links are not fetched here")
	}
	content, _, err := l.answers.Open(ctx, url)
	return content, err
}

// convert returns a picture in a format: png, jpeg, or "" for the one that it has. It converts one
// picture at a time, because that takes much more memory than the picture.
func (l *Library) convert(content []byte, mediaType, format string) ([]byte, string, error) {
	if format == "" || mediaType == "image/"+format {
		return content, mediaType, nil
	}
	l.converting.Lock()
	defer l.converting.Unlock()
	size, _, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil || int64(size.Width)*int64(size.Height) > maxPixels {
		return nil, "", fmt.Errorf("a picture of the type %s cannot be converted to %s", mediaType, format)
	}
	picture, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, "", errors.New("the picture is damaged")
	}
	var b bytes.Buffer
	if format == formatJPEG {
		err = jpeg.Encode(&b, onWhite(picture), &jpeg.Options{Quality: jpegQuality})
		mediaType = mediaTypeJPEG
	} else {
		err = png.Encode(&b, picture)
		mediaType = mediaTypePNG
	}
	return b.Bytes(), mediaType, err
}

// onWhite returns a picture on a white ground, because JPEG has no transparency.
func onWhite(picture image.Image) image.Image {
	if opaque, ok := picture.(interface{ Opaque() bool }); ok && opaque.Opaque() {
		return picture
	}
	flat := image.NewRGBA(picture.Bounds())
	draw.Draw(flat, flat.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(flat, flat.Bounds(), picture, picture.Bounds().Min, draw.Over)
	return flat
}
