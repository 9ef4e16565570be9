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

// Span is a step of a request's journey with its beginning and end. A nil *Span
// is a step that nobody records: all methods do nothing then.
type Span struct{ span trace.Span }

// start begins a span within the one in ctx, if that is recorded at all. The span
// in ctx may have ended: a turn outlives its client.
func start(ctx context.Context, name string, kind trace.SpanKind, attributes ...attribute.KeyValue) (context.Context, *Span) {
	tracer := trace.SpanFromContext(ctx).TracerProvider().Tracer(scope)
	ctx, span := tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
	return ctx, &Span{span}
}

// traced reports whether the request that ctx belongs to is recorded. It is asked
// before anything is prepared for a span, so that no tracing costs nothing.
func traced(ctx context.Context) bool { return trace.SpanContextFromContext(ctx).IsSampled() }

// StartPlacement begins the span of finding a request its session.
func StartPlacement(ctx context.Context) (context.Context, *Span) {
	if !traced(ctx) {
		return ctx, nil
	}
	return start(ctx, "placement", trace.SpanKindInternal)
}

// StartCall begins the span of a call to the platform. method and path are HTTP's,
// the path as a pattern; host is the platform's.
func StartCall(ctx context.Context, method, path, host string) (context.Context, *Span) {
	if !traced(ctx) {
		return ctx, nil
	}
	return start(ctx, method+" "+path, trace.SpanKindClient,
		attribute.String(attrMethod, method), attribute.String(attrPath, path), attribute.String(attrServer, host))
}

// Asks says that the call is a question in a session: what generative AI's
// conventions call a chat, with the model that WithModel put into ctx.
func (s *Span) Asks(ctx context.Context, session int64) {
	if s == nil {
		return
	}
	model, _ := ctx.Value(modelKey{}).(string)
	s.span.SetName(operationChat + " " + model)
	s.span.SetAttributes(attribute.String(attrOperation, operationChat), attribute.String(attrProvider, provider),
		attribute.String(attrModel, model), attribute.String(attrConversation, strconv.FormatInt(session, 10)))
}

type modelKey struct{}

// WithModel returns a context whose questions are asked of the model, for Asks.
func WithModel(ctx context.Context, model string) context.Context {
	if !traced(ctx) {
		return ctx
	}
	return context.WithValue(ctx, modelKey{}, model)
}

// Placed says which session a request goes to, and how it came there.
func (s *Span) Placed(session int64, placement string) {
	if s != nil {
		s.span.SetAttributes(attribute.String(attrConversation, strconv.FormatInt(session, 10)), attribute.String(attrPlacement, placement))
	}
}

// Began notes that the platform's answer begins now.
func (s *Span) Began() {
	if s != nil {
		s.span.AddEvent(eventFirst)
	}
}

// Used says how many tokens a question and its answer had.
func (s *Span) Used(prompt, completion int, estimated bool) {
	if s != nil {
		s.span.SetAttributes(attribute.Int(attrInputTokens, prompt), attribute.Int(attrOutputTokens, completion), attribute.Bool(attrEstimated, estimated))
	}
}

// Finished says why the answer ended.
func (s *Span) Finished(reason string) {
	if s != nil {
		s.span.SetAttributes(attribute.StringSlice(attrFinish, []string{reason}))
	}
}

// Served says what a finished request was.
func (s *Span) Served(method string, r Request, requestID string) {
	if s == nil {
		return
	}
	s.span.SetName(strings.TrimSpace(method + " " + r.Route)) // a path that the mux never saw has no route
	s.span.SetAttributes(attribute.String(attrMethod, method), attribute.String(attrRoute, r.Route), attribute.Int(attrStatus, r.Status),
		attribute.Bool(attrStream, r.Stream), attribute.String(attrRequestID, requestID))
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
	default: // the client's own mistake: by convention no failure of a server's span
		s.span.SetAttributes(attribute.String(attrError, r.ErrorCode))
	}
}

// Fail says that the step failed, by an error code alone: messages may quote.
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

// Traceparent returns the span as W3C Trace Context writes it, "" for none.
func (s *Span) Traceparent() string {
	if s == nil {
		return ""
	}
	c := s.span.SpanContext()
	return "00-" + c.TraceID().String() + "-" + c.SpanID().String() + "-" + c.TraceFlags().String()
}

// TraceID returns the id of the trace that ctx belongs to, "" when it is not
// recorded.
func TraceID(ctx context.Context) string {
	if !traced(ctx) {
		return ""
	}
	return trace.SpanContextFromContext(ctx).TraceID().String()
}
