package chat

import "time"

// Settings are the settings of a platform session. Compare them with ==.
type Settings struct {
	Model            string
	Prompt           string  // system prompt
	Temperature      float64 // 0 is the platform's untouched default
	PresencePenalty  float64
	FrequencyPenalty float64
	MaxTokens        int // 0 is no limit
	ContextCount     int // earlier exchanges that the platform adds to each question
}

// Session is a conversation on the platform.
type Session struct {
	ID int64
	Settings
	// Object is the session as the platform sent it, a JSON object. An update must send the
	// whole object back, also its unknown keys.
	Object []byte
	// Title is what an update sets the session's name to, as its owner sees it; "" leaves it.
	Title string
	// Fresh says that Object was read for the current request. The owner of the session may
	// have changed an older one on the site of the platform.
	Fresh bool
}

// Question is one text for one session.
type Question struct {
	Session         int64
	Text            string
	Files           []File // with different names
	ReasoningEffort string // "" unless the model is known to take it
	Thinking        *bool  // nil unless the model is known to take it
	WebSearch       bool   // only where the platform takes it
	// Draws says that the model draws, which may take minutes without a sign of life.
	Draws bool
	// TakeMemory takes the memory for the answer: see Request.TakeMemory.
	TakeMemory func(bytes int64) error
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

// RecordPage is one page of the records of a session. The function that returns it says
// whether the newest or the oldest come first.
type RecordPage struct {
	Records []Record
	Total   int // records in the session
	Page    int // this page's number, from 1
	Pages   int // 0 when there are no records
	// Date is the platform's time when it sent the page; zero when it is not known. It tells how
	// old a record is, whatever the clock of this machine says.
	Date time.Time
}

// SessionInfo is what the owner of a session may see of it.
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

// FileSupport says which files a model reads.
type FileSupport uint8

// The kinds of FileSupport.
const (
	FilesUnknown FileSupport = iota // the platform does not say
	FilesNone
	FilesPictures // pictures only
	FilesAny
)

// Model is one model that the platform serves.
type Model struct {
	ID               string // what a session's model is set to
	Label            string // what the platform shows to people
	ReasoningEfforts []string
	Files            FileSupport
	// MaxFiles and MaxFileSize (bytes) limit the files of one question; 0 sets no limit.
	MaxFiles    int
	MaxFileSize int64
	Draws       bool // its answers are pictures
	Thinks      bool // its reasoning can be switched on and off
	Searches    bool // it searches the web by itself
	// MaySearch says that the platform lets each question ask for a search.
	MaySearch bool
}
