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

// proxied checks what every proxy must do: pass each event on at once, failures with
// their status and body, and metrics not at all.
func proxied(t *testing.T, base string, sim *simulator.Simulator) {
	t.Helper()
	gate := make(chan struct{})
	sim.Script(simulator.Stream(simulator.Deltas("begun"), simulator.Wait(gate), simulator.Deltas(", ended"), simulator.Object(), simulator.Done()))
	resp := question(t.Context(), t, base, true, "gpt-5.1-high")
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream; charset=utf-8" || resp.StatusCode != http.StatusOK {
		t.Errorf("%s, content type %q", resp.Status, got)
	}
	body := bufio.NewReader(resp.Body)
	for !strings.Contains(firstEvent(t, body), "begun") {
	}
	close(gate) // the event came while the answer was open
	if rest := all(t, body); !strings.Contains(rest, ", ended") || !strings.HasSuffix(rest, "data: [DONE]\n\n") {
		t.Errorf("the rest of the stream: %q", rest)
	}
	resp = question(t.Context(), t, base, false, "no-such-model")
	if body := all(t, resp.Body); resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, `"code":"model_not_found"`) {
		t.Errorf("a failure came to %s %s", resp.Status, body)
	}
	for path, want := range map[string]int{"/metrics": 404, "/readyz": 200, "/v1/models": 401} {
		resp, err := client.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, resp.Status, want)
		}
	}
}

func TestCaddy(t *testing.T) {
	caddy := need(t, "caddy", "caddy")
	sim, environ := platform(t)
	node, port := freePort(t), freePort(t)
	serve(t, node, environ...)
	command := exec.CommandContext(t.Context(), caddy, "run", "--config", "caddy/Caddyfile", "--adapter", "caddyfile")
	home := t.TempDir()
	command.Env = []string{
		"HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home,
		"SITE=http://127.0.0.1:" + strconv.Itoa(port), "UPSTREAMS=127.0.0.1:" + strconv.Itoa(node),
	}
	start(t, command, "127.0.0.1:"+strconv.Itoa(port))
	proxied(t, "http://127.0.0.1:"+strconv.Itoa(port), sim)
}

func TestNginx(t *testing.T) {
	nginx := need(t, "nginx", "nginx")
	sim, environ := platform(t)
	node, port := freePort(t), freePort(t)
	serve(t, node, environ...)
	folder := t.TempDir()
	certificate(t, filepath.Join(folder, "crt"), filepath.Join(folder, "key"))
	page := strings.NewReplacer(
		"127.0.0.1:8000", "127.0.0.1:"+strconv.Itoa(node),
		"listen 80;", "listen 127.0.0.1:"+strconv.Itoa(freePort(t))+";",
		"listen 443 ", "listen 127.0.0.1:"+strconv.Itoa(port)+" ",
		"/etc/ssl/chat.example.org.", folder+"/",
	).Replace(read(t, "nginx/achuan.conf"))
	config := "daemon off; master_process off; pid " + folder + "/pid; error_log stderr;\nevents {}\nhttp {\naccess_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		config += kind + "_temp_path " + folder + "/" + kind + ";\n"
	}
	file := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(file, []byte(config+page+"\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), nginx, "-p", folder, "-c", file)
	start(t, command, "127.0.0.1:"+strconv.Itoa(port))
	proxied(t, "https://127.0.0.1:"+strconv.Itoa(port), sim)
}

// certificate makes one for an hour.
func certificate(t *testing.T, crt, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"chat.example.org"}, NotAfter: time.Now().Add(time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{crt: {Type: "CERTIFICATE", Bytes: signed}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
