package doctor

import (
	"context"
	"errors"
	"os"
	"time"

	"achuan/internal/backup"
	"achuan/internal/store"
)

// checkStore: what is known of sessions can be written, and is of this achuan's schema.
func (d *doctor) checkStore(ctx context.Context) Line {
	const remedy = "check ACHUAN_DATABASE_URL, the disk's space and the folder's owner, or the database's server and the rights of its user"
	if d.fileIsGone() {
		return fail("stop the server and restore a backup (achuan restore FILE); if ACHUAN_DATABASE_URL is not the server's, correct it",
			"a server runs, and the file of its store is gone: what it writes is lost at its end")
	}
	if d.server != nil && !d.own {
		h, err := d.server.ready(ctx)
		if err == nil && h.Checks["store"] != "ok" {
			return fail(remedy, "the server cannot write to its store: %q", h.Checks["store"])
		}
		if d.remote && err == nil {
			return ok("the server can write to it")
		}
	}
	if d.remote {
		return skip("the server does not say")
	}
	if d.Settings == nil {
		return noSettings()
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	c, err := store.Inspect(ctx, store.Options{URL: d.Settings.DatabaseURL})
	_, file := store.File(d.Settings.DatabaseURL)
	switch {
	case err != nil:
		return fail(remedy, "%v", err)
	case errors.Is(file, store.ErrMemory):
		return fail("set ACHUAN_DATABASE_URL to sqlite:PATH or postgres://…", "it is in memory: every session is forgotten at the end")
	case !c.Exists:
		return ok("%s, to be made when achuan serves first", c.Kind)
	case c.Schema < c.Newest:
		return ok("%s, writable; schema %d, which achuan serve brings to %d (back it up before)", c.Kind, c.Schema, c.Newest)
	}
	return ok("%s, writable, schema %d", c.Kind, c.Schema)
}

// fileIsGone reports whether a server uses a store whose file is not there.
func (d *doctor) fileIsGone() bool {
	if d.server == nil || d.own || d.remote || d.Settings == nil {
		return false
	}
	path, err := store.File(d.Settings.DatabaseURL)
	if err != nil {
		return false
	}
	_, err = os.Stat(path)
	return errors.Is(err, os.ErrNotExist)
}

// checkBackup: there is a fresh one, and the settings in it are those in force.
func (d *doctor) checkBackup(context.Context) Line {
	switch {
	case d.BackupFile != "":
		info, err := os.Stat(d.BackupFile)
		if err != nil {
			return fail("have the backup made, or name the right file", "%v", err)
		}
		return d.age(info.ModTime(), d.BackupFile, "have it made again, daily")
	case d.remote:
		return skip("not known here")
	case d.Settings == nil:
		return noSettings()
	}
	const remedy = "make one now and daily: achuan backup FILE (deploy/systemd has a timer), and keep it on another machine"
	note, err := backup.Last(d.Settings.DatabaseURL)
	switch {
	case errors.Is(err, store.ErrPostgres):
		return skip("the store is PostgreSQL, whose backups achuan does not see").but("have pg_dump run daily, and name its file: achuan doctor --backup FILE")
	case errors.Is(err, store.ErrMemory):
		return skip("the store is in memory")
	case errors.Is(err, os.ErrNotExist):
		return d.need(remedy, "none was ever made of this store")
	case err != nil:
		return fail(remedy, "%v", err)
	}
	line := d.age(note.Created, note.File, remedy)
	if line.State == OK && note.Settings != backup.Digest(d.SettingsText) {
		return d.need("make one now: achuan backup FILE, in the environment that the server has", "the settings in force are not those in the backup of %s", note.Created.Format(time.RFC3339))
	}
	return line
}

func (d *doctor) age(made time.Time, file, remedy string) Line {
	age := d.Now().Sub(made)
	if age > d.BackupAge {
		line := d.need(remedy, "the last one is %.0f hours old (%s)", age.Hours(), file)
		if d.BackupFile != "" { // somebody wants to know
			line.State = Fail
		}
		return line
	}
	return ok("%.0f hours old (%s)", max(0, age.Hours()), file)
}

// checkMetrics: somebody reads them, and so would see an alert.
func (d *doctor) checkMetrics(ctx context.Context) Line {
	const remedy = "let Prometheus scrape /metrics, with ACHUAN_ADMIN_KEY from another machine: the job is deploy/prometheus/prometheus.yml, the alert rules deploy/prometheus/alerts.yml"
	if d.server == nil || d.own {
		return skip("%v, so that nobody can scrape it", errNoServer).but("start it, or name it by --url")
	}
	h, err := d.server.ready(ctx)
	switch {
	case err != nil:
		return skip("%v", err)
	case h.MetricsScraped == nil:
		return d.need(remedy, "nobody has scraped /metrics since the server started")
	}
	since := d.Now().Sub(*h.MetricsScraped)
	if since > mostSinceScrape {
		return d.need(remedy, "nobody has scraped /metrics for %s", since.Round(time.Second))
	}
	return ok("scraped %s ago; the alert rules to load beside are deploy/prometheus/alerts.yml", max(0, since.Round(time.Second)))
}
