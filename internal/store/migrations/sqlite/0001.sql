-- Times are microseconds since 1970, in UTC; 0 is none. Flags are 0 or 1.
-- Keys begin with what tells rows apart, not with the account, of which there is
-- often one only: so a planner without statistics picks the right index too.

-- One row about the store itself.
CREATE TABLE meta (
	id    INTEGER PRIMARY KEY CHECK (id = 1),
	epoch INTEGER NOT NULL, -- moves when the store may have lost something
	clean INTEGER NOT NULL  -- whether it was closed in order
) STRICT;
INSERT INTO meta (id, epoch, clean) VALUES (1, 1, 1);

CREATE TABLE accounts (
	id   INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE
) STRICT;

-- A session with a token is taken, until its lease ends; state is then what it
-- is given back as.
CREATE TABLE sessions (
	account   INTEGER NOT NULL,
	id        INTEGER NOT NULL,
	caller    TEXT NOT NULL,
	made      INTEGER NOT NULL,
	reach     TEXT NOT NULL,
	name      BLOB NOT NULL,
	state     TEXT NOT NULL CHECK (state IN ('free', 'dirty', 'lost', 'retired')),
	unseen    INTEGER NOT NULL,
	head      BLOB,
	epoch     INTEGER NOT NULL, -- of the store, when the head was last known to be true
	exchanges INTEGER NOT NULL,
	turns     INTEGER NOT NULL,
	last      BLOB,
	preset    TEXT NOT NULL,
	settings  TEXT NOT NULL,
	known     INTEGER NOT NULL,
	object    TEXT,
	created   INTEGER NOT NULL,
	used      INTEGER NOT NULL,
	token     BLOB,
	lease     INTEGER NOT NULL DEFAULT 0,
	retry     INTEGER NOT NULL DEFAULT 0, -- not due before
	PRIMARY KEY (id, account)
) STRICT;
CREATE INDEX sessions_head ON sessions (account, head) WHERE head IS NOT NULL;
CREATE INDEX sessions_token ON sessions (account, token) WHERE token IS NOT NULL;
CREATE INDEX sessions_state ON sessions (state, account);
CREATE INDEX sessions_list ON sessions (account, caller, used, state) WHERE state IN ('free', 'dirty');
CREATE INDEX sessions_due ON sessions (account, reach, used) WHERE made;

-- Every head that a session has or had.
CREATE TABLE heads (
	account INTEGER NOT NULL,
	head    BLOB NOT NULL,
	session INTEGER NOT NULL,
	PRIMARY KEY (head, account, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX heads_session ON heads (account, session);

CREATE TABLE aliases (
	account INTEGER NOT NULL,
	id      INTEGER NOT NULL, -- means
	session INTEGER NOT NULL, -- never an alias itself
	PRIMARY KEY (id, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_session ON aliases (account, session);

-- A name with a token is claimed by who makes its first session.
CREATE TABLE names (
	account INTEGER NOT NULL,
	digest  BLOB NOT NULL, -- of caller, model and name
	session INTEGER NOT NULL,
	history INTEGER NOT NULL,
	token   BLOB,
	lease   INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (digest, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX names_session ON names (account, session);
CREATE INDEX names_token ON names (account, token) WHERE token IS NOT NULL;

CREATE TABLE turns (
	account INTEGER NOT NULL,
	token   BLOB NOT NULL,
	caller  TEXT NOT NULL,
	request BLOB NOT NULL,
	idem    BLOB, -- of its idempotency key
	session INTEGER NOT NULL,
	parted  INTEGER NOT NULL, -- its client has left
	silent  INTEGER NOT NULL,
	whole   INTEGER NOT NULL,
	answer  BLOB,
	lease   INTEGER NOT NULL, -- while it runs
	ended   INTEGER NOT NULL, -- when it is whole
	PRIMARY KEY (token, account)
) STRICT;
CREATE UNIQUE INDEX turns_idem ON turns (account, caller, idem) WHERE idem IS NOT NULL;
CREATE INDEX turns_request ON turns (account, caller, request) WHERE parted;
