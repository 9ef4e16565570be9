-- What a taking is for is stored with it, so that a repetition of its request finds
-- its answer after a crash. Digests are SHA-256; NULL is none.
ALTER TABLE sessions ADD COLUMN request   BLOB;                       -- fingerprint of the request that took the session last
ALTER TABLE sessions ADD COLUMN turn      BLOB;                       -- token of that taking; it stays when the taking ends
ALTER TABLE sessions ADD COLUMN sent      BLOB;                       -- digest of the text that it sends, without instructions
ALTER TABLE sessions ADD COLUMN sent_size INTEGER NOT NULL DEFAULT 0; -- bytes of that text
ALTER TABLE sessions ADD COLUMN question  BLOB;                       -- lineage after that text
ALTER TABLE sessions ADD COLUMN taken     INTEGER NOT NULL DEFAULT 0; -- when the session was taken last
ALTER TABLE sessions ADD COLUMN unasked   INTEGER NOT NULL DEFAULT 0; -- whether the taking's question was certainly not sent yet
-- Who a session talks to: another agent on the same history does not take it.
ALTER TABLE sessions ADD COLUMN instructions BLOB; -- digest of the client's instructions
ALTER TABLE sessions ADD COLUMN tools        BLOB; -- digest of the tools; NULL is none
ALTER TABLE sessions ADD COLUMN told         BLOB; -- digest of what the session was told that its prompt cannot hold
CREATE INDEX sessions_request ON sessions (account, request, used) WHERE request IS NOT NULL;
-- Takings that run or never ended are few, however often a request was asked.
CREATE INDEX sessions_open ON sessions (account, request) WHERE token IS NOT NULL OR unseen;

-- Taking a session changes nothing else in its row, so that a taking of unknown outcome can be undone.
ALTER TABLE sessions ADD COLUMN taken_as TEXT; -- the reach that the taking gives the session; NULL is the one that it has
CREATE INDEX sessions_gone ON sessions (account, used) WHERE made AND state IN ('lost', 'retired');

-- From now on, sessions.epoch is negative when the head was not known to be true in that epoch.
ALTER TABLE meta ADD COLUMN moved   INTEGER NOT NULL DEFAULT 0; -- when the epoch moved last, and the last commits may be lost
ALTER TABLE meta ADD COLUMN boot    TEXT NOT NULL DEFAULT '';   -- the file and the start of the machine on which it was opened last
ALTER TABLE meta ADD COLUMN checked INTEGER NOT NULL DEFAULT 0; -- when Ping last wrote
