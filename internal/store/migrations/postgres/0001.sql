-- Times are microseconds since 1970, in UTC; 0 is none.
-- Keys begin with what tells rows apart, not with the account, of which there is
-- often one only: so a planner without statistics picks the right index too.

-- One row about the store itself.
CREATE TABLE meta (
	id     BIGINT PRIMARY KEY CHECK (id = 1),
	epoch  BIGINT NOT NULL, -- moves when the store may have lost something
	server TEXT NOT NULL DEFAULT '' -- which start of which server the epoch is of
);
INSERT INTO meta (id, epoch) VALUES (1, 1);

CREATE TABLE accounts (
	id   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name TEXT NOT NULL UNIQUE
);

-- A session with a token is taken, until its lease ends; state is then what it
-- is given back as.
CREATE TABLE sessions (
	account   BIGINT NOT NULL,
	id        BIGINT NOT NULL,
	caller    TEXT NOT NULL,
	made      BOOLEAN NOT NULL,
	reach     TEXT NOT NULL,
	name      BYTEA NOT NULL,
	state     TEXT NOT NULL CHECK (state IN ('free', 'dirty', 'lost', 'retired')),
	unseen    BOOLEAN NOT NULL,
	head      BYTEA,
	epoch     BIGINT  NOT NULL, -- of the store, when the head was last known to be true
	exchanges BIGINT NOT NULL,
	turns     BIGINT NOT NULL,
	last      BYTEA,
	preset    TEXT NOT NULL,
	settings  TEXT NOT NULL,
	known     BOOLEAN NOT NULL,
	object    TEXT,
	created   BIGINT NOT NULL,
	used      BIGINT NOT NULL,
	token     BYTEA,
	lease     BIGINT NOT NULL DEFAULT 0,
	retry     BIGINT NOT NULL DEFAULT 0, -- not due before
	PRIMARY KEY (id, account)
);
CREATE INDEX sessions_head ON sessions (account, head) WHERE head IS NOT NULL;
CREATE INDEX sessions_token ON sessions (account, token) WHERE token IS NOT NULL;
CREATE INDEX sessions_state ON sessions (state, account);
CREATE INDEX sessions_list ON sessions (account, caller, used) WHERE state IN ('free', 'dirty');
CREATE INDEX sessions_due ON sessions (account, reach, used) WHERE made;

-- Every head that a session has or had.
CREATE TABLE heads (
	account BIGINT NOT NULL,
	head    BYTEA NOT NULL,
	session BIGINT NOT NULL,
	PRIMARY KEY (head, account, session)
);
CREATE INDEX heads_session ON heads (account, session);

CREATE TABLE aliases (
	account BIGINT NOT NULL,
	id      BIGINT NOT NULL, -- means
	session BIGINT NOT NULL, -- never an alias itself
	PRIMARY KEY (id, account)
);
CREATE INDEX aliases_session ON aliases (account, session);

-- A name with a token is claimed by who makes its first session.
CREATE TABLE names (
	account BIGINT NOT NULL,
	digest  BYTEA NOT NULL, -- of caller, model and name
	session BIGINT NOT NULL,
	history BOOLEAN NOT NULL,
	token   BYTEA,
	lease   BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (digest, account)
);
CREATE INDEX names_session ON names (account, session);
CREATE INDEX names_token ON names (account, token) WHERE token IS NOT NULL;

CREATE TABLE turns (
	account BIGINT NOT NULL,
	token   BYTEA NOT NULL,
	caller  TEXT NOT NULL,
	request BYTEA NOT NULL,
	idem    BYTEA, -- of its idempotency key
	session BIGINT NOT NULL,
	parted  BOOLEAN NOT NULL, -- its client has left
	silent  BOOLEAN NOT NULL,
	whole   BOOLEAN NOT NULL,
	answer  BYTEA,
	lease   BIGINT NOT NULL, -- while it runs
	ended   BIGINT NOT NULL, -- when it is whole
	PRIMARY KEY (token, account)
);
CREATE UNIQUE INDEX turns_idem ON turns (account, caller, idem) WHERE idem IS NOT NULL;
CREATE INDEX turns_request ON turns (account, caller, request) WHERE parted;
