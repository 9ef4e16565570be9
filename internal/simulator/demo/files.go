package demo

import (
	"bytes"
	"encoding/base64"
	"image"
	_ "image/gif" // for the sizes of pictures
	_ "image/jpeg"
	_ "image/png"
	"strings"

	"achuan/internal/simulator"
)

// describeFiles says what the files of the question are, as a model that reads them would. It
// returns "" without files.
func (c *chatContext) describeFiles() string {
	if len(c.turn.Files) == 0 {
		return ""
	}
	lines := make([]string, len(c.turn.Files))
	for i, f := range c.turn.Files {
		lines[i] = "- " + c.describeFile(f)
	}
	return c.localize("I see:\n\n%s", "我看到：\n\n%s", strings.Join(lines, "\n"))
}

func (c *chatContext) describeFile(f simulator.File) string {
	head, data, _ := strings.Cut(strings.TrimPrefix(f.Data, "data:"), ";base64,")
	content, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return c.localize("%s, which I cannot read", "%s，无法读取", f.Name)
	}
	kind, isPicture := strings.CutPrefix(head, "image/")
	if !isPicture {
		return c.localize("%s, a document of %d bytes", "%s，一份 %d 字节的文档", f.Name, len(content))
	}
	kind = strings.ToUpper(kind)
	size, _, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return c.localize("%s, a %s picture", "%s，一张 %s 图片", f.Name, kind)
	}
	return c.localize("%s, a %s picture, %d x %d", "%s，一张 %s 图片，%d x %d", f.Name, kind, size.Width, size.Height)
}
