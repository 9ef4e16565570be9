package emulate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"achuan/internal/chat"
)

// MaxRepairs is how often a model is asked to repair an answer.
const MaxRepairs = 2

// Plan is how one request is put to a model that only reads and writes text.
type Plan struct {
	// Prompt is the session's prompt with the instructions, or "". Requests with the same
	// instructions, tools and format have the same prompt, byte for byte.
	Prompt string
	// Preamble is the part of the instructions that does not fit into a prompt. It goes in front
	// of the session's first text. It is usually "".
	Preamble string

	hasTools     bool // the request or its session has tools, so call tags are calls
	tools        []chat.Tool
	schemas      map[string]*schema // of arguments, by tool name; nil allows any object
	choice       chat.ToolChoice
	singleCall   bool // at most one call
	format       chat.Format
	answerSchema *schema // of the format; nil allows any JSON
	maxTokens    int     // of an answer; 0 is no limit
	isStreamed   bool
	eagerCalls   bool
}

// Options are the choices of the server's owner, and what plans share.
type Options struct {
	// EagerCalls emits a call's arguments while the model writes them, before they are checked.
	EagerCalls bool
	// Schemas keeps compiled schemas between requests. Nil gives each plan its own cache.
	Schemas *SchemaCache
}

// NewPlan returns the plan for a request, or a *chat.Error if a schema is invalid. It returns
// ctx's error when ctx ends.
func NewPlan(ctx context.Context, r *chat.Request, o Options) (*Plan, error) {
	p := &Plan{
		tools: r.Tools, choice: r.ToolChoice, format: r.Format, isStreamed: r.Streamed,
		singleCall: r.LegacyCalls || r.ParallelCalls != nil && !*r.ParallelCalls,
		eagerCalls: o.EagerCalls && r.Streamed, hasTools: len(r.Tools) > 0 || hasUsedTools(r),
	}
	if r.MaxTokens != nil {
		p.maxTokens = *r.MaxTokens
	}
	if p.choice.Mode == "" {
		p.choice.Mode = chat.ToolsAuto
	}
	if err := p.compileSchemas(ctx, o.Schemas); err != nil {
		return nil, err
	}
	p.writeInstructions(p.escapeText(r.System()))
	return p, nil
}

// hasUsedTools reports whether tools were used in the transcript.
func hasUsedTools(r *chat.Request) bool {
	return slices.ContainsFunc(r.Transcript(), func(m chat.Message) bool {
		return len(m.ToolCalls) > 0 || m.Role == chat.RoleTool
	})
}

// HasTools reports whether the model knows of tools, so that call tags are calls.
func (p *Plan) HasTools() bool { return p.hasTools }

// WithSessionTools returns the plan for a session that was told of tools earlier. The model may
// call them although the request has no tools, and such a call is not text.
func (p *Plan) WithSessionTools() *Plan {
	told := *p
	told.hasTools = true
	return &told
}

// Limits on all schemas of a request: the bytes of their compiled forms, and the comparisons of
// the compiler.
const (
	maxSchemasWeight = maxCachedBytes
	maxSchemasWork   = 60_000_000
)

// compileSchemas compiles the schemas of the request. It skips those of tools that must not be
// called.
func (p *Plan) compileSchemas(ctx context.Context, cache *SchemaCache) error {
	if cache == nil {
		cache = NewSchemaCache()
	}
	p.schemas = make(map[string]*schema, len(p.tools))
	var sum schemaCost
	ready := func(text []byte, path string) (*schema, error) {
		if text == nil {
			return nil, nil
		}
		s, err := cache.get(ctx, text)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			return nil, invalidSchemaError(path, err)
		}
		sum.weight, sum.work = sum.weight+s.weight, sum.work+s.work
		switch {
		case sum.weight > maxSchemasWeight:
			err = fmt.Errorf("all schemas of the request take more than %d MiB when they are compiled", maxSchemasWeight>>20)
		case sum.work > maxSchemasWork:
			err = errors.New("the schemas of the request up to this one have too many objects")
		default:
			return s, nil
		}
		return nil, invalidSchemaError(path, err)
	}
	var err error
	for _, t := range p.tools {
		p.schemas[t.Name] = nil
		if p.choice.Mode == chat.ToolsNone {
			continue
		}
		if p.schemas[t.Name], err = ready(t.Parameters, t.Path); err != nil {
			return err
		}
	}
	if p.requiresJSON() {
		p.answerSchema, err = ready(p.format.Schema, p.format.Path)
	}
	return err
}

func invalidSchemaError(path string, err error) error {
	return chat.Invalid(chat.CodeInvalidValue, path, "Invalid value for '"+path+"': it is no usable JSON Schema: "+err.Error()+".")
}

// LimitReached reports whether the answer ended at the token limit, according to the platform's
// own count. Such an answer may stop anywhere.
func (p *Plan) LimitReached(u chat.Usage) bool { return !u.Estimated && p.atLimit(u) }

// atLimit is LimitReached, but it also accepts estimated counts.
func (p *Plan) atLimit(u chat.Usage) bool {
	return p.maxTokens > 0 && u.CompletionTokens >= p.maxTokens
}

// requiresCall reports whether an answer must be a call.
func (p *Plan) requiresCall() bool { return p.choice.Mode == chat.ToolsRequired && len(p.tools) > 0 }

// requiresJSON reports whether the text of an answer must be JSON.
func (p *Plan) requiresJSON() bool {
	return p.format.Kind == chat.FormatObject || p.format.Kind == chat.FormatSchema
}

// NeedsShaper reports whether answers need a Shaper. Without tools and format they do not.
func (p *Plan) NeedsShaper() bool { return p.hasTools || p.requiresJSON() }

// allowsTool reports whether the model may call a tool of this name.
func (p *Plan) allowsTool(name string) bool {
	if _, declared := p.schemas[name]; !declared || p.choice.Mode == chat.ToolsNone {
		return false
	}
	return p.choice.Allowed == nil || slices.Contains(p.choice.Allowed, name)
}

// allowedTools returns the names of the tools that the model may call.
func (p *Plan) allowedTools() []string {
	var names []string
	for _, t := range p.tools {
		if p.allowsTool(t.Name) {
			names = append(names, t.Name)
		}
	}
	return names
}
