package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"achuan/internal/backup"
	"achuan/internal/config"
	"achuan/internal/store"
)

type backupCommand struct {
	File   string `arg:"" help:"File to write, a tar archive; - is standard output."`
	Force  bool   `help:"Replace FILE if it is there."`
	Config string `placeholder:"FILE" help:"Settings file to read in place of achuan.yaml."`
}

// Run writes the store and the settings into a file. The server may be at work.
func (c *backupCommand) Run(p *program) error {
	s, err := p.load(config.LoadOptions{ConfigFile: c.Config})
	if err != nil {
		return err
	}
	ctx, stop := p.untilSignal()
	defer stop()
	o, err := p.backupOptions(s)
	if err != nil {
		return err
	}
	var m backup.Manifest
	if c.File == "-" {
		m, err = p.backUpToStdout(ctx, o)
	} else {
		m, err = backup.ToFile(ctx, c.File, c.Force, o)
	}
	switch {
	case errors.Is(err, store.ErrPostgres):
		return errors.New("the store is PostgreSQL: back it up with its own tools, which need no pause either\n" +
			"  pg_dump --format=custom --schema=achuan --file=achuan.dump \"$ACHUAN_DATABASE_URL\"\n" +
			"  achuan config > settings.txt\n" +
			"A URL with a search_path of its own has its tables in that schema. How to restore: docs/operations.md")
	case errors.Is(err, os.ErrExist):
		return fmt.Errorf("%w: name another, or use --force", err)
	case err != nil:
		return err
	}
	fmt.Fprintf(p.stderr, "backed up %s (schema %d) and the settings to %s\n", s.DatabaseURL, m.Schema, c.File)
	return nil
}

func (p *program) backupOptions(s *config.Settings) (backup.Options, error) {
	var settings bytes.Buffer
	if err := s.Dump(&settings); err != nil {
		return backup.Options{}, err
	}
	version, commit := buildVersion()
	return backup.Options{Database: s.DatabaseURL, Settings: settings.Bytes(), Version: version, Commit: commit}, nil
}

// backUpToStdout makes its snapshot beside the store, where there is a disk for sure.
func (p *program) backUpToStdout(ctx context.Context, o backup.Options) (backup.Manifest, error) {
	path, err := store.File(o.Database)
	if err != nil {
		return backup.Manifest{}, err
	}
	m, err := backup.Write(ctx, p.stdout, filepath.Dir(path), o)
	if err != nil {
		return m, err
	}
	return m, backup.Remember(o.Database, m, "-")
}

type restoreCommand struct {
	File           string `arg:"" optional:"" help:"Backup to restore; - is standard input."`
	Force          bool   `help:"Replace the store that is there; it is moved aside, not deleted."`
	MarkUnverified bool   `help:"Restore nothing, but have every session compared with the platform before it goes on: for PostgreSQL, after its own tools have restored it."`
	Config         string `placeholder:"FILE" help:"Settings file to read in place of achuan.yaml."`
}

// Run puts the store of a backup in the place of the one in the settings.
func (c *restoreCommand) Run(p *program) error {
	if (c.File == "") != c.MarkUnverified {
		return &config.Error{Problem: "restore wants a backup's file, or --mark-unverified alone"}
	}
	s, err := p.load(config.LoadOptions{ConfigFile: c.Config})
	if err != nil {
		return err
	}
	ctx, stop := p.untilSignal()
	defer stop()
	if c.MarkUnverified {
		if err := store.MarkUnverified(ctx, store.Options{URL: s.DatabaseURL}); err != nil {
			return err
		}
		fmt.Fprintln(p.stderr, "every session is compared with the platform before it goes on")
		return nil
	}
	done, err := c.restore(ctx, p.stdin, s.DatabaseURL)
	switch {
	case errors.Is(err, store.ErrPostgres):
		return errors.New("the store is PostgreSQL: stop achuan, restore it with its own tools, then say so\n" +
			"  pg_restore --clean --if-exists --single-transaction --dbname=\"$ACHUAN_DATABASE_URL\" achuan.dump\n" +
			"  achuan restore --mark-unverified")
	case errors.Is(err, store.ErrExists):
		return fmt.Errorf("%w: --force moves it aside and puts the backup in its place", err)
	case err != nil:
		return err
	}
	fmt.Fprintf(p.stderr, "restored %s from the backup of %s (achuan %s)\n", s.DatabaseURL, done.Created.Format(time.RFC3339), done.Version)
	if done.Replaced != "" {
		fmt.Fprintf(p.stderr, "the store that was there is now %s\n", done.Replaced)
	}
	fmt.Fprintln(p.stderr, "sessions are compared with the platform before they go on; the settings of then are in the backup: tar -xOf FILE settings.txt")
	return nil
}

func (c *restoreCommand) restore(ctx context.Context, stdin io.Reader, database string) (backup.Restored, error) {
	if _, err := store.File(database); err != nil {
		return backup.Restored{}, err
	}
	if c.File == "-" {
		return backup.Restore(ctx, stdin, database, c.Force)
	}
	f, err := os.Open(c.File)
	if err != nil {
		return backup.Restored{}, err
	}
	defer f.Close() //nolint:errcheck // it was read only
	return backup.Restore(ctx, f, database, c.Force)
}
