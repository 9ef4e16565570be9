-- Files that clients have uploaded. Their bytes are blobs, which their digests find.
CREATE TABLE files (
	account INTEGER NOT NULL,
	caller  TEXT NOT NULL,
	id      TEXT NOT NULL,
	created INTEGER NOT NULL, -- microseconds
	expires INTEGER NOT NULL, -- microseconds; 0 for never
	digest  BLOB NOT NULL,
	size    INTEGER NOT NULL, -- bytes
	type    TEXT NOT NULL,    -- media type
	name    TEXT NOT NULL,
	purpose TEXT NOT NULL,
	PRIMARY KEY (account, caller, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX files_list ON files (account, caller, created, id);
CREATE INDEX files_digest ON files (digest);

-- Blobs whose bytes are objects: in a bucket, or in PostgreSQL. A row exists before its object does,
-- and is removed after it.
CREATE TABLE blobs (
	key    TEXT NOT NULL PRIMARY KEY, -- of the object
	digest BLOB NOT NULL,
	size   INTEGER NOT NULL,          -- bytes
	used   INTEGER NOT NULL,          -- the last use, in microseconds
	whole  INTEGER NOT NULL           -- 0 while the object is being written or removed
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX blobs_digest ON blobs (digest) WHERE whole;
CREATE INDEX blobs_used ON blobs (used);

-- The key of signatures that this server makes and checks itself.
ALTER TABLE meta ADD COLUMN secret BLOB;
UPDATE meta SET secret = randomblob(32);
