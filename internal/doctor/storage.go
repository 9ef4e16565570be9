package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"achuan/internal/backup"
	"achuan/internal/media"
	"achuan/internal/store"
)

// checkStore checks that the store can be written to and that its schema is known to this achuan.
func (d *doctor) checkStore(ctx context.Context) Line {
	const remedy = "check ACHUAN_DATABASE_URL, the disk's free space and the folder's owner, or the database's server and the rights of its user"
	if d.isStoreFileMissing() {
		return fail("stop the server and restore a backup (achuan restore FILE); if the server has another ACHUAN_DATABASE_URL, correct it here",
			"a server runs, but the file of its store is gone: what it writes is lost when it stops")
	}
	if d.server != nil && !d.isOwnServer {
		h, err := d.server.getReadiness(ctx)
		if err == nil && h.Checks["store"] != "ok" {
			return fail(remedy, "the server cannot write to its store: %q", h.Checks["store"])
		}
		if d.isRemote && err == nil {
			return ok("the server can write to its store")
		}
	}
	if d.isRemote {
		return skip("the server does not say")
	}
	if d.Settings == nil {
		return noSettings()
	}
	return d.inspectStore(ctx, remedy)
}

// inspectStore opens the store of the settings and reports its state.
func (d *doctor) inspectStore(ctx context.Context, remedy string) Line {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	c, err := store.Inspect(ctx, store.Options{URL: d.Settings.DatabaseURL})
	_, fileErr := store.File(d.Settings.DatabaseURL)
	switch {
	case err != nil:
		return fail(remedy, "%v", err)
	case errors.Is(fileErr, store.ErrMemory):
		return fail("set ACHUAN_DATABASE_URL to sqlite:PATH or postgres://…", "the store is in memory: every session is forgotten when the server stops")
	case !c.Exists:
		return ok("%s; achuan serve creates it when it first starts", c.Kind)
	case c.Schema < c.Newest:
		return ok("%s, writable; achuan serve will migrate schema %d to %d (make a backup first)", c.Kind, c.Schema, c.Newest)
	}
	return ok("%s, writable, schema %d", c.Kind, c.Schema)
}

// checkFiles checks that the folder for the files of requests can be used. Without it only requests with
// pictures and documents fail.
func (d *doctor) checkFiles(ctx context.Context) Line {
	switch {
	case d.isRemote:
		return skip("the server does not say")
	case d.Settings == nil:
		return noSettings()
	}
	if d.Settings.BlobURL != "" {
		return d.checkBucket(ctx)
	}
	path, err := store.File(d.Settings.DatabaseURL)
	switch {
	case errors.Is(err, store.ErrPostgres):
		return ok("the files of requests are in the database")
	case err != nil:
		return ok("the files of requests are in memory")
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return skip("the folder of the database cannot be used")
	}
	folder := media.NewFolder(media.FolderOptions{Path: media.BesideDatabase(path)})
	exists, err := folder.Check()
	switch {
	case err != nil:
		return fail("give the folder to the user of the server, or free space on the disk", "files of requests cannot be stored: %v", err)
	case !exists:
		return ok("achuan serve creates the folder with the first file")
	}
	return ok("writable, %.1f of %.0f MiB used", float64(folder.Used())/(1<<20), float64(d.Settings.BlobRoom)/(1<<20))
}

// checkBucket checks that the bucket for files exists.
func (d *doctor) checkBucket(ctx context.Context) Line {
	const remedy = "check ACHUAN_BLOB_URL, and the rights of its key"
	bucket, err := media.NewBucket(d.Settings.BlobURL)
	if err != nil {
		return fail(remedy, "%v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := bucket.Check(ctx); err != nil {
		return fail(remedy, "the bucket for files cannot be used: %v", err)
	}
	return ok("the bucket can be reached")
}

// isStoreFileMissing reports whether a server runs whose store file does not exist any more.
func (d *doctor) isStoreFileMissing() bool {
	if d.server == nil || d.isOwnServer || d.isRemote || d.Settings == nil {
		return false
	}
	path, err := store.File(d.Settings.DatabaseURL)
	if err != nil {
		return false
	}
	_, err = os.Stat(path)
	return errors.Is(err, os.ErrNotExist)
}

// checkBackup checks that the last backup is fresh and contains the settings in force.
func (d *doctor) checkBackup(context.Context) Line {
	switch {
	case d.BackupFile != "":
		info, err := os.Stat(d.BackupFile)
		if err != nil {
			return fail("make the backup, or name the right file", "%v", err)
		}
		return d.checkBackupAge(info.ModTime(), d.BackupFile, "make it again, and then daily")
	case d.isRemote:
		return skip("backups of a remote server are not known here")
	case d.Settings == nil:
		return noSettings()
	}
	const remedy = "make one now and then daily: achuan backup FILE (deploy/systemd has a timer), and keep it on another machine"
	note, err := backup.LastNote(d.Settings.DatabaseURL)
	switch {
	case errors.Is(err, store.ErrPostgres):
		return skip("the store is PostgreSQL, whose backups achuan does not see").
			withRemedy("run pg_dump daily, and name its file: achuan doctor --backup FILE")
	case errors.Is(err, store.ErrMemory):
		return skip("the store is in memory")
	case errors.Is(err, os.ErrNotExist):
		return d.failInProduction(remedy, "no backup was ever made of this store")
	case err != nil:
		return fail(remedy, "%v", err)
	}
	line := d.checkBackupAge(note.Created, note.File, remedy)
	if line.State == OK && note.Settings != backup.Digest(d.SettingsText) {
		return d.failInProduction("make one now: achuan backup FILE, with the environment of the server",
			"the settings in force are not those in the backup of %s", note.Created.Format(time.RFC3339))
	}
	return line
}

// checkBackupAge returns the line of a backup that was made at that time.
func (d *doctor) checkBackupAge(made time.Time, file, remedy string) Line {
	age := d.Now().Sub(made)
	if age > d.MaxBackupAge {
		line := d.failInProduction(remedy, "the last backup is %.0f hours old (%s)", age.Hours(), file)
		if d.BackupFile != "" { // --backup asks for this check, so it is more than a hint
			line.State = Fail
		}
		return line
	}
	return ok("%.0f hours old (%s)", max(0, age.Hours()), file)
}
