package deploy

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"achuan/internal/simulator"
)

func newTransport() *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
}

// checkProxy checks that a proxy forwards each event at once, forwards errors with status and body, and hides the
// metrics.
func checkProxy(t *testing.T, base string, sim *simulator.Simulator) {
	t.Helper()
	gate := make(chan struct{})
	sim.Script(simulator.Stream(simulator.Deltas("begun"), simulator.Wait(gate), simulator.Deltas(", ended"),
		simulator.Object(), simulator.Done()))
	resp := postQuestion(t.Context(), t, base, true, "gpt-5.1-high")
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream; charset=utf-8" || resp.StatusCode != http.StatusOK {
		t.Errorf("stream = %s, content type %q; want HTTP 200, text/event-stream; charset=utf-8", resp.Status, got)
	}
	body := bufio.NewReader(resp.Body)
	for !strings.Contains(nextEvent(t, body), "begun") {
	}
	close(gate) // the first event arrived before the answer was complete
	if rest := readAll(t, body); !strings.Contains(rest, ", ended") || !strings.HasSuffix(rest, "data: [DONE]\n\n") {
		t.Errorf("rest of the stream = %q, want \", ended\" and [DONE]", rest)
	}
	resp = postQuestion(t.Context(), t, base, false, "no-such-model")
	if body := readAll(t, resp.Body); resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, `"code":"model_not_found"`) {
		t.Errorf("unknown model = %s %s, want HTTP 400 with model_not_found", resp.Status, body)
	}
	for path, want := range map[string]int{"/metrics": 404, "/readyz": 200, "/v1/models": 401} {
		resp, err := client.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != want {
			t.Errorf("GET %s = %s, want HTTP %d", path, resp.Status, want)
		}
	}
}

func TestCaddy(t *testing.T) {
	caddy := requireTool(t, "caddy", "caddy")
	sim, environ := startPlatform(t)
	node, port := freePort(t), freePort(t)
	serveAchuan(t, node, environ...)
	command := exec.CommandContext(t.Context(), caddy, "run", "--config", "caddy/Caddyfile", "--adapter", "caddyfile")
	home := t.TempDir()
	command.Env = []string{
		"HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home,
		"SITE=http://127.0.0.1:" + strconv.Itoa(port), "UPSTREAMS=127.0.0.1:" + strconv.Itoa(node),
	}
	startProcess(t, command, "127.0.0.1:"+strconv.Itoa(port))
	checkProxy(t, "http://127.0.0.1:"+strconv.Itoa(port), sim)
}

func TestNginx(t *testing.T) {
	sim, environ := startPlatform(t)
	node := freePort(t)
	serveAchuan(t, node, environ...)
	checkProxy(t, startNginx(t, node), sim)
}

// startNginx starts nginx with the site of nginx/achuan.conf in front of achuan at that port, and returns its URL.
// changes are pairs of texts of the site and what replaces them.
func startNginx(t *testing.T, node int, changes ...string) string {
	t.Helper()
	nginx, port := requireTool(t, "nginx", "nginx"), freePort(t)
	folder := t.TempDir()
	writeCertificate(t, filepath.Join(folder, "crt"), filepath.Join(folder, "key"))
	site := strings.NewReplacer(append(changes,
		"127.0.0.1:8000", "127.0.0.1:"+strconv.Itoa(node),
		"listen 80;", "listen 127.0.0.1:"+strconv.Itoa(freePort(t))+";",
		"listen 443 ", "listen 127.0.0.1:"+strconv.Itoa(port)+" ",
		"/etc/ssl/chat.example.org.", folder+"/",
	)...).Replace(readFile(t, "nginx/achuan.conf"))
	config := "daemon off; master_process off; pid " + folder + "/pid; error_log stderr;\nevents {}\nhttp {\naccess_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		config += kind + "_temp_path " + folder + "/" + kind + ";\n"
	}
	file := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(file, []byte(config+site+"\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), nginx, "-p", folder, "-c", file)
	startProcess(t, command, "127.0.0.1:"+strconv.Itoa(port))
	return "https://127.0.0.1:" + strconv.Itoa(port)
}

// writeCertificate writes a self-signed certificate that is valid for an hour, and its key.
func writeCertificate(t *testing.T, crt, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"chat.example.org"}, NotAfter: time.Now().Add(time.Hour),
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		crt: {Type: "CERTIFICATE", Bytes: signed}, key: {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
