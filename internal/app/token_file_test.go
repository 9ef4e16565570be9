package app_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"achuan/internal/config"
	"achuan/internal/simulator"
)

// A JWT that is written into the file of ACHUAN_JWT_FILE is used within 2 s, and no request fails meanwhile. What is no
// JWT of the account changes nothing.
func TestJWTFileIsWatched(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	path := filepath.Join(t.TempDir(), "jwt")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	tokens := make([]string, 3)
	for i := range tokens {
		tokens[i] = simulator.NewToken(simulator.DefaultUser, time.Now(), time.Duration(i+1)*time.Hour)
	}
	write(tokens[0])
	settings := loadSettings(t, sim)
	settings.JWT, settings.JWTFile = tokens[0], path
	var logged logBuffer
	r := runApp(t, settings, slog.New(slog.NewTextHandler(&logged, nil)))
	asked := 0
	usedToken := func() string {
		t.Helper()
		asked++
		body := fmt.Sprintf(`{"model": "gpt-5.1-high", "messages": [{"role": "user", "content": "question %d"}]}`, asked)
		if got := send(t, r.url, body); got.status != http.StatusOK {
			t.Fatalf("answer = %d %s", got.status, got.body)
		}
		turns := sim.Turns()
		return turns[len(turns)-1].Header.Get("Authorization")
	}
	await := func(want string) {
		t.Helper()
		for began := time.Now(); usedToken() != want; {
			if time.Since(began) > 2*time.Second {
				t.Fatal("the new JWT is not used after 2 s")
			}
		}
	}
	await(tokens[0])
	write(tokens[1] + "\n")
	await(tokens[1])
	for _, bad := range []string{"not a token", simulator.NewToken(simulator.DefaultUser+1, time.Now(), time.Hour)} {
		before := strings.Count(logged.String(), "level=ERROR")
		write(bad)
		for began := time.Now(); strings.Count(logged.String(), "level=ERROR") == before; {
			if got := usedToken(); got != tokens[1] || time.Since(began) > 5*time.Second {
				t.Fatalf("after %.20q the platform got %.20s, want the JWT before and an error in the log", bad, got)
			}
		}
	}
	write(tokens[2])
	await(tokens[2])
	if strings.Contains(logged.String(), tokens[1]) {
		t.Error("the log has a JWT")
	}
}

// The file of the JWT is known to the settings by its whole path.
func TestJWTFileOfSettings(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "jwt"), []byte("a.b.c"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := config.Load(config.LoadOptions{Dir: dir, Environ: []string{"ACHUAN_JWT_FILE=jwt"}})
	if err != nil || s.JWT != "a.b.c" || s.JWTFile != filepath.Join(dir, "jwt") {
		t.Errorf("Load = %+v, %v, want the file's path and content", s, err)
	}
}
