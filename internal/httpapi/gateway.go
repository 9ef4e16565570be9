package httpapi

import (
	"context"
	"io"
	"iter"

	"achuan/internal/chat"
	"achuan/internal/gateway"
)

// Chat answers requests. FromGateway makes one of a gateway; tests have a small one of
// their own.
type Chat interface {
	// Chat places a request. An Answer that it returns is ranged over.
	Chat(ctx context.Context, r *chat.Request) (Answer, error)
	// CountTokens estimates the tokens of a request without asking anything.
	CountTokens(ctx context.Context, r *chat.Request) (int, error)
	Models(ctx context.Context) []chat.Model
	// Model returns the model of that id; the error for an unknown one is 404.
	Model(ctx context.Context, id string) (chat.Model, error)
}

// Files stores the files that requests bring, and downloads those of answers.
type Files interface {
	// NewIntake returns a reader of a JSON body that takes the bytes of long files out of it.
	NewIntake(body io.Reader) Intake
	// AddFile stores a file of a form. source has the client's name of the file and the field for errors.
	AddFile(content io.Reader, source chat.FileSource) (chat.File, error)
	// Register gives a stored file an ID, by which the caller may name it in requests.
	Register(ctx context.Context, caller string, f *chat.UploadedFile) error
	Uploaded(ctx context.Context, caller, id string) (chat.UploadedFile, error)
	ListUploaded(
		ctx context.Context, caller string, q chat.FileQuery,
	) (page []chat.UploadedFile, hasMore bool, err error)
	DeleteUploaded(ctx context.Context, caller, id string) error
	// OpenFile opens the bytes of a file.
	OpenFile(f chat.File) (io.ReadCloser, error)
	// KeptPicture opens a picture of an answer of which a copy was kept.
	KeptPicture(digest, signature string) (content io.ReadCloser, size int64, mediaType string, err error)
	// Picture downloads a picture of an answer, and converts it to the format: png, jpeg, or "" to
	// leave it as it is.
	Picture(ctx context.Context, url, format string) (content []byte, mediaType string, err error)

	// Resolve stores the files of a request that have a Source, and fills in their fields. Its
	// errors are *chat.Error.
	Resolve(ctx context.Context, r *chat.Request) error
}

// Intake reads a body without its long files.
type Intake interface {
	io.Reader
	// Release forgets the files that no request has asked for.
	Release()
}

// Responses stores the answers of the Responses API. store.Store implements it.
type Responses interface {
	// SaveResponse stores a response, and makes it the last one of its conversation. The error is
	// chat.ErrConversationMoved when another one has become that meanwhile.
	SaveResponse(ctx context.Context, caller string, r chat.StoredResponse) error
	// Responses returns a response and those that it continues, the oldest first: limit of them at most, 0 for all. The
	// error for one that is not there is chat.ErrNoResponse.
	Responses(ctx context.Context, caller, id string, limit int) ([]chat.StoredResponse, error)
	DeleteResponse(ctx context.Context, caller, id string) error
	// RenewResponses keeps a response, and those that it continues, as if they were created now.
	RenewResponses(ctx context.Context, caller, id string) error
}

// Sessions reads and changes the sessions that an owner sees. FromGateway's Chat
// implements it.
type Sessions interface {
	ListSessions(
		ctx context.Context, owner gateway.Owner, offset, limit int,
	) (list []chat.SessionInfo, total int, err error)
	GetSession(ctx context.Context, owner gateway.Owner, id int64) (chat.SessionInfo, error)
	// ListMessages returns a page of the session's records, oldest first.
	ListMessages(ctx context.Context, owner gateway.Owner, id int64, page int) (chat.RecordPage, error)
	CreateSession(ctx context.Context, caller chat.Caller, model string) (chat.SessionInfo, error)
	DeleteSession(ctx context.Context, owner gateway.Owner, id int64) error
}

// Answer is the answer to a placed request.
type Answer interface {
	// Session and Placement may be called from any goroutine at any time, and may
	// change until the first event.
	Session() int64
	Placement() chat.Placement
	// Events asks the question when the first event is pulled. Range over it once. The
	// answer continues in the background when the loop breaks.
	Events() iter.Seq2[chat.Event, error]
	// MarkClientLeft records that the client left before it had the whole answer.
	MarkClientLeft()
}

// FromGateway returns g as a Chat.
func FromGateway(g *gateway.Gateway) Chat { return fromGateway{g} }

type fromGateway struct{ *gateway.Gateway }

// Chat calls Gateway.Chat. A nil *Answer must not become an Answer.
func (g fromGateway) Chat(ctx context.Context, r *chat.Request) (Answer, error) {
	a, err := g.Gateway.Chat(ctx, r)
	if err != nil {
		return nil, err
	}
	return a, nil
}
