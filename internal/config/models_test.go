package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The mapping in the settings file and the variable say the same.
func TestModelRules(t *testing.T) {
	want := []ModelRule{
		{Name: "gpt-4o", Target: "gpt-5.1-high"}, {Name: "claude-*", Target: "claude-sonnet-4-5-20250929"},
		{Name: "gemini-3-pro-preview"}, {Name: "gemini-3-pro-preview-image", Hidden: true},
	}
	dir := t.TempDir()
	const file = `models:
  gpt-4o: gpt-5.1-high
  "claude-*": claude-sonnet-4-5-20250929
  gemini-3-pro-preview: true
  gemini-3-pro-preview-image: false
`
	if err := os.WriteFile(filepath.Join(dir, "achuan.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	const variable = "ACHUAN_MODELS=gpt-4o=gpt-5.1-high, claude-*=claude-sonnet-4-5-20250929,gemini-3-pro-preview,-gemini-3-pro-preview-image"
	for name, o := range map[string]LoadOptions{
		"file":        {Dir: dir, Environ: []string{"ACHUAN_JWT=a.b.c"}},
		"environment": {Dir: t.TempDir(), Environ: []string{"ACHUAN_JWT=a.b.c", variable}},
	} {
		s, err := Load(o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, s.ModelRules()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestBadModelRules(t *testing.T) {
	for _, entry := range []string{"=x", "a=", "-", "-a=b", "a=b*", "a=b=c"} {
		if _, err := Load(LoadOptions{Dir: t.TempDir(), Environ: []string{"ACHUAN_JWT=a.b.c", "ACHUAN_MODELS=" + entry}}); err == nil {
			t.Errorf("ACHUAN_MODELS=%s is accepted, want an error", entry)
		}
	}
}
