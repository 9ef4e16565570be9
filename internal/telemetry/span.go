package telemetry

import (
	"context"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Span is one step of a request, with its beginning and end. The methods of a nil *Span do nothing: the request is not
// recorded then.
type Span struct{ span trace.Span }

// startSpan begins a span within the span in ctx, which may have ended: a turn can outlast its client's request.
func startSpan(
	ctx context.Context, name string, kind trace.SpanKind, attributes ...attribute.KeyValue,
) (context.Context, *Span) {
	tracer := trace.SpanFromContext(ctx).TracerProvider().Tracer(tracerName)
	ctx, span := tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
	return ctx, &Span{span}
}

// isTraced reports whether the request of ctx is recorded. Callers ask it before they prepare a span, so that requests
// without tracing cost nothing.
func isTraced(ctx context.Context) bool { return trace.SpanContextFromContext(ctx).IsSampled() }

// StartPlacement begins the span in which the session of a request is found.
func StartPlacement(ctx context.Context) (context.Context, *Span) {
	if !isTraced(ctx) {
		return ctx, nil
	}
	return startSpan(ctx, "placement", trace.SpanKindInternal)
}

// StartCall begins the span of a call to the platform. path is a pattern; host is the platform's host.
func StartCall(ctx context.Context, method, path, host string) (context.Context, *Span) {
	if !isTraced(ctx) {
		return ctx, nil
	}
	return startSpan(ctx, method+" "+path, trace.SpanKindClient,
		attribute.String(attrMethod, method), attribute.String(attrPath, path), attribute.String(attrServer, host))
}

// SetQuestion marks the call as a question in a session, which the generative AI conventions call a chat. The model
// is the one that WithModel put into ctx.
func (s *Span) SetQuestion(ctx context.Context, session int64) {
	if s == nil {
		return
	}
	model, _ := ctx.Value(modelKey{}).(string)
	s.span.SetName(operationChat + " " + model)
	s.span.SetAttributes(attribute.String(attrOperation, operationChat), attribute.String(attrProvider, provider),
		attribute.String(attrModel, model), attribute.String(attrConversation, strconv.FormatInt(session, 10)))
}

type modelKey struct{}

// WithModel returns a context with the model of its questions, for SetQuestion.
func WithModel(ctx context.Context, model string) context.Context {
	if !isTraced(ctx) {
		return ctx
	}
	return context.WithValue(ctx, modelKey{}, model)
}

// SetPlacement sets the session of a request and how it was found.
func (s *Span) SetPlacement(session int64, placement string) {
	if s != nil {
		s.span.SetAttributes(attribute.String(attrConversation, strconv.FormatInt(session, 10)),
			attribute.String(attrPlacement, placement))
	}
}

// AddFirstEvent records that the platform's answer begins now.
func (s *Span) AddFirstEvent() {
	if s != nil {
		s.span.AddEvent(eventFirst)
	}
}

// SetUsage sets the token counts of a question and its answer.
func (s *Span) SetUsage(prompt, completion int, estimated bool) {
	if s != nil {
		s.span.SetAttributes(attribute.Int(attrInputTokens, prompt), attribute.Int(attrOutputTokens, completion),
			attribute.Bool(attrEstimated, estimated))
	}
}

// SetFinishReason sets why the answer ended.
func (s *Span) SetFinishReason(reason string) {
	if s != nil {
		s.span.SetAttributes(attribute.StringSlice(attrFinish, []string{reason}))
	}
}

// SetRequest sets the attributes of a finished request.
func (s *Span) SetRequest(method string, r Request, requestID string) {
	if s == nil {
		return
	}
	s.span.SetName(strings.TrimSpace(method + " " + r.Route)) // a request that never reached the mux has no route
	s.span.SetAttributes(attribute.String(attrMethod, method), attribute.String(attrRoute, r.Route),
		attribute.Int(attrStatus, r.Status), attribute.Bool(attrStream, r.Stream),
		attribute.String(attrRequestID, requestID))
	if r.Model != "" {
		s.span.SetAttributes(attribute.String(attrModel, r.Model), attribute.String(attrOperation, operationChat))
	}
	if r.FirstEvent > 0 {
		s.span.AddEvent(eventFirst, trace.WithTimestamp(time.Now().Add(r.FirstEvent-r.Duration)))
	}
	switch {
	case r.ErrorCode == "":
	case r.Status < 400, r.Status >= 500:
		s.Fail(r.ErrorCode)
	default: // by convention, a client's mistake does not fail the server's span
		s.span.SetAttributes(attribute.String(attrError, r.ErrorCode))
	}
}

// Fail marks the step as failed with an error code. It takes no message, because messages can quote content.
func (s *Span) Fail(code string) {
	if s != nil {
		s.span.SetAttributes(attribute.String(attrError, code))
		s.span.SetStatus(codes.Error, code)
	}
}

// End ends the step.
func (s *Span) End() {
	if s != nil {
		s.span.End()
	}
}

// Traceparent returns the span in the format of the W3C traceparent header, "" for a nil span.
func (s *Span) Traceparent() string {
	if s == nil {
		return ""
	}
	c := s.span.SpanContext()
	return "00-" + c.TraceID().String() + "-" + c.SpanID().String() + "-" + c.TraceFlags().String()
}

// TraceID returns the trace id of the request of ctx, "" when the request is not recorded.
func TraceID(ctx context.Context) string {
	if !isTraced(ctx) {
		return ""
	}
	return trace.SpanContextFromContext(ctx).TraceID().String()
}
