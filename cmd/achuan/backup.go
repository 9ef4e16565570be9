package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"achuan/internal/backup"
	"achuan/internal/config"
	"achuan/internal/media"
	"achuan/internal/store"
)

type backupCommand struct {
	File, Config string
	Force        bool
}

func newBackupCommand(p *program) *cobra.Command {
	var c backupCommand
	command := newCommand("backup FILE",
		"Write the store (SQLite), the files of requests and the settings without secrets to a file, also while the server runs.",
		func() error { return c.Run(p) })
	command.Long = command.Short + "\n\nFILE is the tar archive to write; - is standard output."
	command.Args = cobra.MatchAll(cobra.ExactArgs(1), func(_ *cobra.Command, args []string) error {
		c.File = args[0]
		return nil
	})
	command.Flags().BoolVar(&c.Force, "force", false, "Replace FILE if it exists.")
	addConfigFlag(command.Flags(), &c.Config)
	return command
}

// Run writes the store and the settings to a file. The server can run meanwhile.
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
		return errors.New("the store is PostgreSQL: back it up with its own tools, while the server runs\n" +
			"  pg_dump --format=custom --schema=achuan --file=achuan.dump \"$ACHUAN_DATABASE_URL\"\n" +
			"  achuan config > settings.txt\n" +
			"If the URL has a search_path, the tables are in that schema. How to restore: docs/operations.md")
	case errors.Is(err, os.ErrExist):
		return fmt.Errorf("%w: name another file, or use --force", err)
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
	o := backup.Options{Database: s.DatabaseURL, Settings: settings.Bytes(), Version: version, Commit: commit}
	if path, err := store.File(s.DatabaseURL); err == nil && s.BlobURL == "" {
		o.Blobs = media.NewFolder(media.FolderOptions{Path: media.BesideDatabase(path)})
	}
	return o, nil
}

// backUpToStdout writes a backup to standard output. The snapshot is made beside the store, where there is surely a
// disk.
func (p *program) backUpToStdout(ctx context.Context, o backup.Options) (backup.Manifest, error) {
	path, err := store.File(o.Database)
	if err != nil {
		return backup.Manifest{}, err
	}
	m, err := backup.Write(ctx, p.stdout, filepath.Dir(path), o)
	if err != nil {
		return m, err
	}
	return m, backup.SaveNote(o.Database, m, "-")
}

type restoreCommand struct {
	File, Config          string
	Force, MarkUnverified bool
}

func newRestoreCommand(p *program) *cobra.Command {
	var c restoreCommand
	command := newCommand("restore [FILE]", "Restore the store from a backup.", func() error { return c.Run(p) })
	command.Long = command.Short + "\n\nFILE is the backup to restore; - is standard input."
	command.Args = cobra.MatchAll(cobra.MaximumNArgs(1), func(_ *cobra.Command, args []string) error {
		c.File = strings.Join(args, "")
		return nil
	})
	flags := command.Flags()
	flags.BoolVar(&c.Force, "force", false, "Replace the existing store, which is moved aside, not deleted.")
	flags.BoolVar(&c.MarkUnverified, "mark-unverified", false,
		"Restore nothing; mark every session for a comparison with the platform before it continues. "+
			"For PostgreSQL, after its own tools have restored it.")
	addConfigFlag(flags, &c.Config)
	return command
}

// Run replaces the store of the settings with the store in a backup.
func (c *restoreCommand) Run(p *program) error {
	if (c.File == "") != c.MarkUnverified {
		return &config.Error{Problem: "restore needs either a backup's file, or --mark-unverified"}
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
		fmt.Fprintln(p.stderr, "every session will be compared with the platform before it continues")
		return nil
	}
	restored, err := c.restore(ctx, p.stdin, s.DatabaseURL)
	switch {
	case errors.Is(err, store.ErrPostgres):
		return errors.New("the store is PostgreSQL: stop achuan, restore it with its own tools, then mark its sessions\n" +
			"  pg_restore --clean --if-exists --single-transaction --dbname=\"$ACHUAN_DATABASE_URL\" achuan.dump\n" +
			"  achuan restore --mark-unverified")
	case errors.Is(err, store.ErrExists):
		return fmt.Errorf("%w: --force moves it aside and restores the backup", err)
	case err != nil:
		return err
	}
	fmt.Fprintf(p.stderr, "restored %s from the backup of %s (achuan %s)\n", s.DatabaseURL, restored.Created.Format(time.RFC3339), restored.Version)
	if restored.Replaced != "" {
		fmt.Fprintf(p.stderr, "the old store is now %s\n", restored.Replaced)
	}
	fmt.Fprintln(p.stderr, "sessions will be compared with the platform before they continue; the old settings are in the backup: tar -xOf FILE settings.txt")
	return nil
}

// restore restores the backup from the file or from standard input.
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
	defer f.Close() //nolint:errcheck // closing a file that was only read loses nothing
	return backup.Restore(ctx, f, database, c.Force)
}
