package emulate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"achuan/internal/chat"
)

// MaxRepairs is how often a model is asked again for what it got wrong.
const MaxRepairs = 2

// Plan is how one request is put to a model that only reads and writes text.
type Plan struct {
	// Prompt is the instructions as a session's prompt; "" when there are none. It is
	// the same, to the byte, for requests with the same instructions, tools and format.
	Prompt string
	// Preamble is what of the instructions is too long for a prompt and goes in
	// front of a session's first text instead; "" as a rule.
	Preamble string

	hasTools     bool // the request has tools, or its session was told of some: call tags are calls
	tools        []chat.Tool
	schemas      map[string]*schema // of the tools' arguments, by name; nil for any object
	choice       chat.ToolChoice
	singleCall   bool // at most one call
	format       chat.Format
	answerSchema *schema // of the format; nil for any JSON
	maxTokens    int     // tokens of an answer; 0 is no limit
	isStreamed   bool
	eagerCalls   bool
}

// Options are the owner's choices.
type Options struct {
	// EagerCalls passes a call's arguments on while the model writes them, before it
	// is known whether they are right.
	EagerCalls bool
	// Schemas keeps compiled schemas between requests. Nil compiles them for this plan alone.
	Schemas *SchemaCache
}

// NewPlan returns the plan for a request, or the *chat.Error that tells what is
// wrong with its schemas. It stops with ctx's error when ctx ends.
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

// hasUsedTools reports whether the transcript shows that tools were used before.
func hasUsedTools(r *chat.Request) bool {
	return slices.ContainsFunc(r.Transcript(), func(m chat.Message) bool {
		return len(m.ToolCalls) > 0 || m.Role == chat.RoleTool
	})
}

// HasTools reports whether the model knows of tools, so that call tags are calls.
func (p *Plan) HasTools() bool { return p.hasTools }

// WithSessionTools returns the plan for a session that was told of tools earlier:
// the model may call them although the request has none, and such a call is not text.
func (p *Plan) WithSessionTools() *Plan {
	told := *p
	told.hasTools = true
	return &told
}

// Bounds on what all schemas of a request take: the bytes of their compiled forms, and
// the comparisons of their compiler.
const (
	maxSchemasWeight = maxCachedBytes
	maxSchemasWork   = 60_000_000
)

// compileSchemas makes sure that the schemas compile. Those of tools that must not be called
// do not matter.
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

// LimitReached reports whether the platform's own count of an answer's tokens says
// that the answer ended at the token limit: it may then stop anywhere.
func (p *Plan) LimitReached(u chat.Usage) bool { return !u.Estimated && p.atLimit(u) }

// atLimit is LimitReached for estimated counts too.
func (p *Plan) atLimit(u chat.Usage) bool {
	return p.maxTokens > 0 && u.CompletionTokens >= p.maxTokens
}

// requiresCall reports whether an answer must be a call.
func (p *Plan) requiresCall() bool { return p.choice.Mode == chat.ToolsRequired && len(p.tools) > 0 }

// requiresJSON reports whether an answer's text must be JSON.
func (p *Plan) requiresJSON() bool {
	return p.format.Kind == chat.FormatObject || p.format.Kind == chat.FormatSchema
}

// NeedsShaper reports whether answers need a Shaper at all.
func (p *Plan) NeedsShaper() bool { return p.hasTools || p.requiresJSON() }

// allowsTool reports whether a tool of that name may be called.
func (p *Plan) allowsTool(name string) bool {
	if _, declared := p.schemas[name]; !declared || p.choice.Mode == chat.ToolsNone {
		return false
	}
	return p.choice.Allowed == nil || slices.Contains(p.choice.Allowed, name)
}

// allowedTools are the names of the tools that may be called.
func (p *Plan) allowedTools() []string {
	var names []string
	for _, t := range p.tools {
		if p.allowsTool(t.Name) {
			names = append(names, t.Name)
		}
	}
	return names
}
