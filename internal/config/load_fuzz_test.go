package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLoad loads both files with any content. Load must return settings that can be dumped, or problems that show no
// secret.
func FuzzLoad(f *testing.F) {
	f.Add("achuan_jwt: a.b.c\nachuan_api_keys: [x, 'y:z']\n", "ACHUAN_LOG_LEVEL=debug\n")
	f.Add("a: &x [*x]\n", "export A='b\nc'\n")
	f.Add("achuan_cors_origins: [http://a:80]\n---\n", "ACHUAN_JWT=\"a\\nb\"\nB=$ACHUAN_JWT")
	f.Add("? {a: b}\n: c\n", "=\n")
	f.Add("achuan_jwt: !!binary x\nport: 0x10\n", "ACHUAN_MAX_BODY: 1GB # c")
	f.Fuzz(func(t *testing.T, yaml, dotenv string) {
		dir := t.TempDir()
		for name, content := range map[string]string{defaultFile: yaml, sourceDotenv: dotenv} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Load(LoadOptions{Dir: dir, Environ: []string{"ACHUAN_API_KEYS=alice:k-e-y-1"}})
		if err != nil {
			if strings.Contains(err.Error(), "k-e-y-1") {
				t.Errorf("Load error = %v, want no secret in it", err)
			}
			return
		}
		var out strings.Builder
		if err := s.Dump(&out); err != nil || strings.Contains(out.String(), "k-e-y-1") {
			t.Errorf("Dump = %v\n%s\nwant no error and no secret", err, &out)
		}
	})
}
