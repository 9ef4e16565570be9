-- A turn writes fewer pages. It changes only the indexes on what it changes, and those on
-- used only once an hour, because they hold hours.
DROP INDEX sessions_head;
DROP INDEX sessions_token;
DROP INDEX sessions_list;
DROP INDEX sessions_due;
DROP INDEX sessions_request;
DROP INDEX sessions_open;
CREATE INDEX sessions_taken ON sessions (account, request) WHERE token IS NOT NULL;
CREATE INDEX sessions_unseen ON sessions (account, request) WHERE unseen;
CREATE INDEX sessions_list ON sessions (account, caller, (used / 3600000000)) WHERE state IN ('free', 'dirty');
CREATE INDEX sessions_due ON sessions (account, reach, (used / 3600000000)) WHERE made;

-- Every head that a session has or had. A row may outlive its session for some days.
CREATE TABLE short_heads (
	account BIGINT NOT NULL,
	head    BYTEA NOT NULL,   -- the first 8 bytes
	session BIGINT NOT NULL,
	current BOOLEAN NOT NULL, -- false when the session certainly has another head now
	PRIMARY KEY (head, account, session)
);
INSERT INTO short_heads (account, head, session, current)
SELECT heads.account, substr(heads.head, 1, 8), heads.session, bool_or(heads.head IS NOT DISTINCT FROM sessions.head)
FROM heads JOIN sessions ON sessions.id = heads.session AND sessions.account = heads.account
GROUP BY 2, 1, 3;
DROP TABLE heads;
ALTER TABLE short_heads RENAME TO heads;
ALTER INDEX short_heads_pkey RENAME TO heads_pkey;
