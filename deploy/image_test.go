package deploy

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// image is what the last stage of a Dockerfile describes.
type image struct {
	from        string
	copies      []copied
	environ     []string
	user        string
	volume      string
	stopSignal  string
	healthcheck []string
	entrypoint  []string
	command     []string
}

type copied struct{ from, to, owner string }

var continued = regexp.MustCompile(`\\\n\s*`)

// readImage reads as much of a Dockerfile as ours uses; what else stands in it is an
// error, so that nothing is passed over.
func readImage(t *testing.T) image {
	t.Helper()
	text := read(t, "docker/Dockerfile")
	last := text[strings.LastIndex(text, "\nFROM ")+1:]
	var i image
	for line := range strings.Lines(continued.ReplaceAllString(last, "")) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "", "#":
		case "FROM":
			i.from = rest
		case "COPY":
			i.copies = append(i.copies, readCopy(t, rest))
		case "ENV":
			i.environ = append(i.environ, strings.Fields(rest)...)
		case "USER":
			i.user = rest
		case "VOLUME":
			i.volume = rest
		case "STOPSIGNAL":
			i.stopSignal = rest
		case "HEALTHCHECK":
			_, command, _ := strings.Cut(rest, " CMD ")
			i.healthcheck = readList(t, command)
		case "ENTRYPOINT":
			i.entrypoint = readList(t, rest)
		case "CMD":
			i.command = readList(t, rest)
		case "EXPOSE":
		default:
			t.Fatalf("the test does not know what %s does", word)
		}
	}
	return i
}

func readCopy(t *testing.T, rest string) copied {
	t.Helper()
	c := copied{owner: "0:0"}
	var paths []string
	for word := range strings.FieldsSeq(rest) {
		owner, is := strings.CutPrefix(word, "--chown=")
		switch {
		case is:
			c.owner = owner
		case word == "--from=build":
		case strings.HasPrefix(word, "--"):
			t.Fatalf("the test does not know what COPY %s does", word)
		default:
			paths = append(paths, word)
		}
	}
	if len(paths) != 2 {
		t.Fatalf("COPY %s", rest)
	}
	c.from, c.to = paths[0], paths[1]
	return c
}

func readList(t *testing.T, text string) (list []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return list
}

// assemble puts the image's files into a folder, as an engine would from the stage
// that builds: the binary is built here, the certificates are this machine's.
func (i image) assemble(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range i.copies {
		to := filepath.Join(root, c.to)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch c.from {
		case "/src/bin/achuan":
			err = copyFile(binary(t), to, 0o755)
		case "/etc/ssl/certs/ca-certificates.crt":
			err = copyFile(c.from, to, 0o644)
		case "/data":
			err = os.Mkdir(to, 0o755)
		default:
			t.Fatalf("the test does not know where %s comes from", c.from)
		}
		if err != nil {
			t.Fatal(err)
		}
		if os.Getuid() == 0 {
			user, group := owner(t, c.owner)
			if err := os.Chown(to, user, group); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

func copyFile(from, to string, mode fs.FileMode) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, mode)
}

func owner(t *testing.T, text string) (user, group int) {
	t.Helper()
	u, g, _ := strings.Cut(text, ":")
	user, err := strconv.Atoi(u)
	if err != nil {
		t.Fatal(err)
	}
	if group, err = strconv.Atoi(g); err != nil {
		t.Fatal(err)
	}
	return user, group
}

// files are those under a folder, folders with a slash.
func files(t *testing.T, root string) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && name != "." {
			if d.IsDir() {
				name += "/"
			}
			names = append(names, "/"+name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var imageFiles = []string{"/achuan", "/data/", "/etc/", "/etc/ssl/", "/etc/ssl/certs/", "/etc/ssl/certs/ca-certificates.crt"}

// The image holds the binary, certificates and a folder for data, and runs as nobody.
func TestImage(t *testing.T) {
	i := readImage(t)
	if diff := cmp.Diff(imageFiles, files(t, i.assemble(t))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	want := image{
		from: "scratch", copies: i.copies, environ: i.environ, user: "65532:65532", volume: "/data", stopSignal: "SIGTERM",
		healthcheck: []string{"/achuan", "health"}, entrypoint: []string{"/achuan"}, command: []string{"serve"},
	}
	if diff := cmp.Diff(want, i, cmp.AllowUnexported(image{}, copied{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// in makes a command run in the image, as its user.
func (i image) in(t *testing.T, root string, environ, args []string) *exec.Cmd {
	t.Helper()
	user, group := owner(t, i.user)
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	c.Dir = "/"
	c.Env = append(append([]string{}, i.environ...), environ...)
	c.SysProcAttr = &syscall.SysProcAttr{
		Chroot:     root,
		Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(group)},
	}
	return c
}

// The image serves, says whether it does, backs itself up and drains, and writes to
// its volume alone: all else belongs to root.
func TestImageRuns(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may change the root")
	}
	i := readImage(t)
	root := i.assemble(t)
	for folder := root; folder != "/"; folder = path.Dir(folder) { // that its user gets there
		if info, err := os.Stat(folder); err != nil || info.Mode()&0o001 == 0 {
			if err := os.Chmod(folder, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	sim, environ := platform(t)
	port := freePort(t)
	environ = append(environ, "PORT="+strconv.Itoa(port))
	health := func() error { return i.in(t, root, environ, i.healthcheck).Run() }
	if health() == nil {
		t.Error("healthy before it serves")
	}
	p := start(t, i.in(t, root, environ, append(i.entrypoint, i.command...)), "127.0.0.1:"+strconv.Itoa(port))
	if err := health(); err != nil {
		t.Errorf("not healthy while it serves: %v", err)
	}
	resp := question(t.Context(), t, "http://127.0.0.1:"+strconv.Itoa(port), false, "gpt-5.1-high")
	if body := all(t, resp.Body); resp.StatusCode != http.StatusOK || !strings.Contains(body, "Hello") {
		t.Errorf("%s %s", resp.Status, body)
	}
	if out, err := i.in(t, root, environ, append(i.entrypoint, "backup", "/data/backup.tar")).CombinedOutput(); err != nil {
		t.Errorf("backup: %v\n%s", err, out)
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	var outside []string
	for _, name := range files(t, root) {
		if !strings.HasPrefix(name, "/data/") || name == "/data/" {
			outside = append(outside, name)
		}
	}
	if diff := cmp.Diff(imageFiles, outside); diff != "" {
		t.Errorf("files outside of the volume (-before +after):\n%s", diff)
	}
	if n := len(sim.Sessions()); n != 1 {
		t.Errorf("%d sessions", n)
	}
}
