package tokens

import (
	"bytes"
	"compress/flate"
	"flag"
	"os"
	"testing"

	"github.com/tiktoken-go/tokenizer/codec"
)

var update = flag.Bool("update", false, "write the vocabulary of the library into o200k_base.deflate")

// The vocabulary in the program is the library's. The flag -update writes it from the library.
func TestVocabulary(t *testing.T) {
	library := codec.NewO200kBase()
	lengths, text := make([]byte, 0, tokenCount), []byte(nil)
	for rank := range uint(tokenCount) {
		token, err := library.Decode([]uint{rank})
		if err != nil || len(token) > 255 {
			t.Fatalf("the library's token %d = %q, %v, want at most 255 bytes", rank, token, err)
		}
		lengths, text = append(lengths, byte(len(token))), append(text, token...)
	}
	if token, err := library.Decode([]uint{tokenCount}); err == nil {
		t.Fatalf("the library has a token %d, %q, want only %d tokens", tokenCount, token, tokenCount)
	}
	if *update {
		if err := os.WriteFile("o200k_base.deflate", compress(t, append(lengths, text...)), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	v := o200k()
	if v.text != string(text) {
		t.Error("the text of the vocabulary differs from the library's, want the same bytes")
	}
	start := 0
	for rank, length := range lengths {
		token := string(text[start : start+int(length)])
		start += int(length)
		if got := v.rank(token); got != uint32(rank) {
			t.Fatalf("rank(%q) = %d, want %d", token, got, rank)
		}
	}
	for _, none := range []string{"", "\xff\xff", "no token at all"} {
		if got := v.rank(none); got != noRank {
			t.Errorf("rank(%q) = %d, want none", none, got)
		}
	}
}

func compress(t *testing.T, data []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := flate.NewWriter(&file, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestDecompressDamagedFile(t *testing.T) {
	for name, file := range map[string][]byte{
		"empty": nil, "cut in the lengths": compressed[:1000], "cut in the text": compressed[:len(compressed)-1000],
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := decompress(file); err == nil {
				t.Error("decompress found no error, want one")
			}
		})
	}
}
