-- Responses that clients of the Responses API may refer to.
CREATE TABLE responses (
	account  BIGINT NOT NULL,
	caller   TEXT NOT NULL,
	id       TEXT NOT NULL,
	created  BIGINT NOT NULL,  -- microseconds
	previous TEXT NOT NULL,    -- the id of the response that it continues; empty for none
	messages BYTEA NOT NULL,   -- what its request added to the transcript, and the answer: JSON
	body     BYTEA NOT NULL,   -- the response object: JSON
	PRIMARY KEY (account, caller, id)
);
CREATE INDEX responses_created ON responses (created);
