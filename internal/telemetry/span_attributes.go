package telemetry

// The names of span attributes. HTTP and generative AI attributes have the names of OpenTelemetry's semantic
// conventions (generative AI as of version 1.37, which is not stable yet: a new version changes only this file). The
// other names begin with achuan. No attribute contains content, a key or a user.
const (
	attrOperation    = "gen_ai.operation.name"
	attrProvider     = "gen_ai.provider.name"
	attrModel        = "gen_ai.request.model"
	attrConversation = "gen_ai.conversation.id" // the platform's session id
	attrInputTokens  = "gen_ai.usage.input_tokens"
	attrOutputTokens = "gen_ai.usage.output_tokens"
	attrFinish       = "gen_ai.response.finish_reasons"

	attrMethod = "http.request.method"
	attrRoute  = "http.route"
	attrStatus = "http.response.status_code"
	attrPath   = "url.template" // of a call to the platform
	attrServer = "server.address"
	attrError  = "error.type" // an error code

	attrPlacement = "achuan.placement"
	attrRequestID = "achuan.request_id"
	attrStream    = "achuan.stream"
	attrEstimated = "achuan.usage.estimated" // whether the token counts are estimates
)

// Values of the generative AI attributes.
const (
	operationChat = "chat"
	provider      = "achuan"
)

// eventFirst is the name of the event at the beginning of the platform's answer.
const eventFirst = "first_event"
