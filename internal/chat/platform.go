package chat

import "time"

// Settings are what a platform session is set to. Two are equal when == says so.
type Settings struct {
	Model            string
	Prompt           string  // system prompt
	Temperature      float64 // 0 is the platform's untouched default
	PresencePenalty  float64
	FrequencyPenalty float64
	MaxTokens        int // 0 is no limit
	ContextCount     int // earlier exchanges that the platform adds to each question
}

// Session is the platform's conversation.
type Session struct {
	ID int64
	Settings
	// Object is the session as the platform sent it (a JSON object): an update
	// must send back the whole of it, known keys or not.
	Object []byte
	// Fresh says that Object was read for the request under way. The session's owner
	// may have changed an older one on the platform's own site.
	Fresh bool
}

// Question is one text for one session.
type Question struct {
	Session         int64
	Text            string
	ReasoningEffort string // "" unless the model is known to take it
}

// Record is one question and its answer, as the platform keeps them.
type Record struct {
	ID       int64
	Created  time.Time
	UserText string
	AIText   string // the answer with its <think> block, if it had one
	// Reasoning and Text are the two parts of AIText, as a stream of it passes them on.
	Reasoning, Text string
	Usage           Usage
}

// RecordPage is one page of a session's records. Whoever returns it says whether
// the newest come first or the oldest.
type RecordPage struct {
	Records []Record
	Total   int // records in the session
	Page    int // this page's number, from 1
	Pages   int // 0 when there are no records
}

// SessionInfo is what a session's owner can know of it.
type SessionInfo struct {
	ID      int64
	Model   string
	Owner   string // Caller.ID
	Name    string // it was last reached by; "" for none
	State   string // free, taken or dirty
	Turns   int    // whole answers
	Created time.Time
	Used    time.Time // last
}

// Model is one model that the platform serves.
type Model struct {
	ID               string // what a session's model is set to
	Label            string // what the platform shows to people
	ReasoningEfforts []string
}
