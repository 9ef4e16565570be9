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

// image is the content of the last stage of a Dockerfile.
type image struct {
	from        string
	copies      []imageCopy
	environ     []string
	user        string
	volume      string
	stopSignal  string
	healthcheck []string
	entrypoint  []string
	command     []string
}

type imageCopy struct{ from, to, owner string }

var lineContinuation = regexp.MustCompile(`\\\n\s*`)

// readImage reads the last stage of the Dockerfile. It fails at an instruction that it does not know, so that it
// ignores nothing.
func readImage(t *testing.T) image {
	t.Helper()
	text := readFile(t, "docker/Dockerfile")
	last := text[strings.LastIndex(text, "\nFROM ")+1:]
	var i image
	for line := range strings.Lines(lineContinuation.ReplaceAllString(last, "")) {
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
			t.Fatalf("instruction of the Dockerfile = %s, want one that this test knows", word)
		}
	}
	return i
}

func readCopy(t *testing.T, rest string) imageCopy {
	t.Helper()
	c := imageCopy{owner: "0:0"}
	var paths []string
	for word := range strings.FieldsSeq(rest) {
		owner, isOwner := strings.CutPrefix(word, "--chown=")
		switch {
		case isOwner:
			c.owner = owner
		case word == "--from=build":
		case strings.HasPrefix(word, "--"):
			t.Fatalf("option of COPY in the Dockerfile = %s, want one that this test knows", word)
		default:
			paths = append(paths, word)
		}
	}
	if len(paths) != 2 {
		t.Fatalf("COPY %s has %d paths, want 2", rest, len(paths))
	}
	c.from, c.to = paths[0], paths[1]
	return c
}

func readList(t *testing.T, text string) (list []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%s = %v, want a list in JSON", text, err)
	}
	return list
}

// assemble writes the files of the image into a folder, as a container engine does. It builds the binary itself, and
// takes the certificates of this machine.
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
			err = copyFile(buildBinary(t), to, 0o755)
		case "/etc/ssl/certs/ca-certificates.crt":
			err = copyFile(c.from, to, 0o644)
		case "/data":
			err = os.Mkdir(to, 0o755)
		default:
			t.Fatalf("source of COPY in the Dockerfile = %s, want one that this test knows", c.from)
		}
		if err != nil {
			t.Fatal(err)
		}
		if os.Getuid() == 0 {
			user, group := parseOwner(t, c.owner)
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

func parseOwner(t *testing.T, text string) (user, group int) {
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

// listFiles returns the paths below a folder. Those of folders end in a slash.
func listFiles(t *testing.T, root string) (names []string) {
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

var imageFiles = []string{
	"/achuan", "/data/", "/etc/", "/etc/ssl/", "/etc/ssl/certs/", "/etc/ssl/certs/ca-certificates.crt",
}

// The image has the binary, certificates and a folder for data, and runs as an unprivileged user.
func TestImage(t *testing.T) {
	i := readImage(t)
	if diff := cmp.Diff(imageFiles, listFiles(t, i.assemble(t))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	want := image{
		from: "scratch", copies: i.copies, environ: i.environ, user: "65532:65532", volume: "/data", stopSignal: "SIGTERM",
		healthcheck: []string{"/achuan", "health"}, entrypoint: []string{"/achuan"}, command: []string{"serve"},
	}
	if diff := cmp.Diff(want, i, cmp.AllowUnexported(image{}, imageCopy{})); diff != "" {
		t.Errorf("image (-want +got):\n%s", diff)
	}
}

// newCommand returns a command that runs in the image, as the user of the image.
func (i image) newCommand(t *testing.T, root string, environ, args []string) *exec.Cmd {
	t.Helper()
	user, group := parseOwner(t, i.user)
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	c.Dir = "/"
	c.Env = append(append([]string{}, i.environ...), environ...)
	c.SysProcAttr = &syscall.SysProcAttr{
		Chroot:     root,
		Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(group)},
	}
	return c
}

// The image serves, reports its health, makes a backup and drains. It writes only to its volume, because root owns
// all other files.
func TestImageRuns(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("chroot needs root")
	}
	i := readImage(t)
	root := i.assemble(t)
	for folder := root; folder != "/"; folder = path.Dir(folder) { // the user of the image must reach it
		if info, err := os.Stat(folder); err != nil || info.Mode()&0o001 == 0 {
			if err := os.Chmod(folder, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	sim, environ := startPlatform(t)
	port := freePort(t)
	environ = append(environ, "PORT="+strconv.Itoa(port))
	health := func() error { return i.newCommand(t, root, environ, i.healthcheck).Run() }
	if health() == nil {
		t.Error("health check before the start = success, want failure")
	}
	p := startProcess(t, i.newCommand(t, root, environ, append(i.entrypoint, i.command...)), "127.0.0.1:"+strconv.Itoa(port))
	if err := health(); err != nil {
		t.Errorf("health check = %v, want success", err)
	}
	resp := postQuestion(t.Context(), t, "http://127.0.0.1:"+strconv.Itoa(port), false, "gpt-5.1-high")
	if body := readAll(t, resp.Body); resp.StatusCode != http.StatusOK || !strings.Contains(body, "Hello") {
		t.Errorf("answer = %s %s, want HTTP 200 with Hello", resp.Status, body)
	}
	if out, err := i.newCommand(t, root, environ, append(i.entrypoint, "backup", "/data/backup.tar")).CombinedOutput(); err != nil {
		t.Errorf("backup = %v, want nil\n%s", err, out)
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("exit code = %d, want 0", code)
	}
	var outside []string
	for _, name := range listFiles(t, root) {
		if !strings.HasPrefix(name, "/data/") || name == "/data/" {
			outside = append(outside, name)
		}
	}
	if diff := cmp.Diff(imageFiles, outside); diff != "" {
		t.Errorf("files outside the volume (-want before +got after):\n%s", diff)
	}
	if n := len(sim.Sessions()); n != 1 {
		t.Errorf("sessions = %d, want 1", n)
	}
}
