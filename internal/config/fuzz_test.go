package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLoad gives both files any content: Load ends in settings or in problems
// that do not show a value, and settings that were loaded can be shown.
func FuzzLoad(f *testing.F) {
	f.Add("achuan_jwt: a.b.c\nachuan_api_keys: [x, 'y:z']\n", "ACHUAN_LOG_LEVEL=debug\n")
	f.Add("a: &x [*x]\n", "export A='b\nc'\n")
	f.Add("achuan_cors_origins: [http://a:80]\n---\n", "ACHUAN_JWT=\"a\\nb\"\nB=$ACHUAN_JWT")
	f.Add("? {a: b}\n: c\n", "=\n")
	f.Add("achuan_jwt: !!binary x\nport: 0x10\n", "ACHUAN_MAX_BODY: 1GB # c")
	f.Fuzz(func(t *testing.T, yaml, dotenv string) {
		dir := t.TempDir()
		for name, content := range map[string]string{defaultFile: yaml, fromDotenv: dotenv} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Load(LoadOptions{Dir: dir, Environ: []string{"ACHUAN_API_KEYS=alice:k-e-y-1"}})
		if err != nil {
			if strings.Contains(err.Error(), "k-e-y-1") {
				t.Errorf("a secret is shown: %v", err)
			}
			return
		}
		var out strings.Builder
		if err := s.Dump(&out); err != nil || strings.Contains(out.String(), "k-e-y-1") {
			t.Errorf("dumped %v\n%s", err, &out)
		}
	})
}
