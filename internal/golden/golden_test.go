package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// failures records the failures of a test instead of failing it.
type failures struct {
	testing.TB
	messages []string
}

func (f *failures) Helper() {}

func (f *failures) Errorf(format string, args ...any) {
	f.messages = append(f.messages, fmt.Sprintf(format, args...))
}

func TestCheck(t *testing.T) {
	file := &File{Name: "want", Data: "expected"}
	path := filepath.Join(t.TempDir(), "want")
	writeFile(t, path, []byte(file.Data))
	for got, failed := range map[string]int{"expected": 0, "other": 2} {
		var f failures
		Check(&f, file, got)
		CheckFile(&f, path, got)
		if len(f.messages) != failed {
			t.Errorf("Check and CheckFile of %q = %q, want %d failures", got, f.messages, failed)
		}
	}
}

func TestUpdate(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a.txtar")
	writeFile(t, path, []byte("-- want --\nold\n"))
	*update = true
	defer func() { *update = false }()
	EachArchive(t, folder, func(t *testing.T, archive *Archive) { Check(t, archive.Files[0], "new\n") })
	if all := Archives(t, folder); len(all) != 1 || *all[0].Files[0] != (File{"want", "new\n"}) {
		t.Errorf("Archives = %+v, want the updated one", all)
	}
	CheckFile(t, filepath.Join(folder, "b"), "text")
	for name, want := range map[string]string{"a.txtar": "-- want --\nnew\n", "b": "text"} {
		if got, err := os.ReadFile(filepath.Join(folder, name)); string(got) != want || err != nil {
			t.Errorf("%s after an update = %q, %v, want %q", name, got, err, want)
		}
	}
}
