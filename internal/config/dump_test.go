package config

import (
	"bytes"
	"strings"
	"testing"

	"achuan/internal/golden"
)

func TestDump(t *testing.T) {
	tests := map[string]sources{
		"defaults": {},
		"demo":     {options: LoadOptions{Demo: true}, environ: []string{"ACHUAN_JWT=SECRET-1"}},
		"all-sources": {
			environ: []string{"PORT=9000", "ACHUAN_API_KEYS=alice:SECRET-1,SECRET-2", "ACHUAN_ADMIN_KEY=SECRET-5", "ACHUAN_JWT_FILE=jwt", "ACHUAN_LOG_LEVEL=debug"},
			options: LoadOptions{Listen: "localhost:0"},
			files: map[string]string{
				"jwt": "SECRET-3", ".env": "ACHUAN_PLATFORM_COOKIE=SECRET-4\nACHUAN_LOG_LEVEL=warn",
				"achuan.yaml": "achuan_max_body: 1MiB\n\nachuan_cors_origins:\n  - https://a.example\n  - https://b.example\n",
			},
		},
		"port": {environ: []string{"PORT=9000"}},
	}
	for name, src := range tests {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := src.mustLoad(t).Dump(&got); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(got.String(), "SECRET") {
				t.Errorf("Dump = %s, want no secret in it", &got)
			}
			golden.CheckFile(t, "testdata/dump/"+name+".txt", got.String())
		})
	}
}
