-- Files that clients have uploaded. Their bytes are blobs, which their digests find.
CREATE TABLE files (
	account BIGINT NOT NULL,
	caller  TEXT NOT NULL,
	id      TEXT NOT NULL,
	created BIGINT NOT NULL, -- microseconds
	expires BIGINT NOT NULL, -- microseconds; 0 for never
	digest  BYTEA NOT NULL,
	size    BIGINT NOT NULL, -- bytes
	type    TEXT NOT NULL,   -- media type
	name    TEXT NOT NULL,
	purpose TEXT NOT NULL,
	PRIMARY KEY (account, caller, id)
);
CREATE INDEX files_list ON files (account, caller, created, id);
CREATE INDEX files_digest ON files (digest);

-- Blobs whose bytes are objects: in a bucket, or in the table objects. A row exists before its object
-- does, and is removed after it.
CREATE TABLE blobs (
	key    TEXT NOT NULL PRIMARY KEY, -- of the object
	digest BYTEA NOT NULL,
	size   BIGINT NOT NULL,           -- bytes
	used   BIGINT NOT NULL,           -- the last use, in microseconds
	whole  BOOLEAN NOT NULL           -- false while the object is being written or removed
);
CREATE UNIQUE INDEX blobs_digest ON blobs (digest) WHERE whole;
CREATE INDEX blobs_used ON blobs (used);

-- The bytes of objects, in pieces. They are compressed already.
CREATE TABLE objects (
	key   TEXT NOT NULL,
	piece INTEGER NOT NULL, -- from 0
	bytes BYTEA NOT NULL,
	PRIMARY KEY (key, piece)
);
ALTER TABLE objects ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- The key of signatures that the replicas make and check.
ALTER TABLE meta ADD COLUMN secret BYTEA;
UPDATE meta SET secret = decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex');
