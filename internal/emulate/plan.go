package emulate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"achuan/internal/chat"
)

// Repairs is how often a model is asked again for what it got wrong.
const Repairs = 2

// Plan is how one request is put to a model that only reads and writes text.
type Plan struct {
	// Prompt is the instructions as a session's prompt; "" when there are none. It is
	// the same, to the byte, for requests with the same instructions, tools and format.
	Prompt string
	// Preamble is what of the instructions is too long for a prompt and goes in
	// front of a session's first text instead; "" as a rule.
	Preamble string

	hasTools bool // the request has tools, or its session was told of some: call tags are calls
	tools    []chat.Tool
	schemas  map[string]*schema // of the tools' arguments, by name; nil for any object
	choice   chat.ToolChoice
	one      bool // at most one call
	format   chat.Format
	answer   *schema // of the format; nil for any JSON
	limit    int     // tokens of an answer; 0 is no limit
	streamed bool
	eager    bool
}

// Options are the owner's choices.
type Options struct {
	// EagerCalls passes a call's arguments on while the model writes them, before it
	// is known whether they are right.
	EagerCalls bool
}

// NewPlan returns the plan for a request, or the *chat.Error that tells what is
// wrong with its schemas. It stops with ctx's error when ctx ends.
func NewPlan(ctx context.Context, r *chat.Request, o Options) (*Plan, error) {
	p := &Plan{
		tools: r.Tools, choice: r.ToolChoice, format: r.Format, streamed: r.Streamed,
		one:   r.LegacyCalls || r.ParallelCalls != nil && !*r.ParallelCalls,
		eager: o.EagerCalls && r.Streamed, hasTools: len(r.Tools) > 0 || usedTools(r),
	}
	if r.MaxTokens != nil {
		p.limit = *r.MaxTokens
	}
	if p.choice.Mode == "" {
		p.choice.Mode = chat.ToolsAuto
	}
	if err := p.compile(ctx); err != nil {
		return nil, err
	}
	p.write(p.escape(r.System()))
	return p, nil
}

// usedTools reports whether the transcript shows that tools were used before.
func usedTools(r *chat.Request) bool {
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
	maxSchemasWeight = maxCached
	maxSchemasWork   = 60_000_000
)

// compile makes sure that the schemas compile. Those of tools that must not be called
// do not matter.
func (p *Plan) compile(ctx context.Context) error {
	p.schemas = make(map[string]*schema, len(p.tools))
	var sum schemaCost
	ready := func(text []byte, path string) (*schema, error) {
		if text == nil {
			return nil, nil
		}
		s, err := compiled.get(ctx, text)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			return nil, badSchema(path, err)
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
		return nil, badSchema(path, err)
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
	if p.formatted() {
		p.answer, err = ready(p.format.Schema, p.format.Path)
	}
	return err
}

func badSchema(path string, err error) error {
	return chat.Invalid(chat.CodeInvalidValue, path, "Invalid value for '"+path+"': it is no usable JSON Schema: "+err.Error()+".")
}

// LimitReached reports whether the platform's own count of an answer's tokens says
// that the answer ended at the token limit: it may then stop anywhere.
func (p *Plan) LimitReached(u chat.Usage) bool { return !u.Estimated && p.atLimit(u) }

// atLimit is LimitReached for estimated counts too.
func (p *Plan) atLimit(u chat.Usage) bool { return p.limit > 0 && u.CompletionTokens >= p.limit }

// mustCall reports whether an answer must be a call.
func (p *Plan) mustCall() bool { return p.choice.Mode == chat.ToolsRequired && len(p.tools) > 0 }

// formatted reports whether an answer's text must be JSON.
func (p *Plan) formatted() bool {
	return p.format.Kind == chat.FormatObject || p.format.Kind == chat.FormatSchema
}

// Shapes reports whether answers need a Shaper at all.
func (p *Plan) Shapes() bool { return p.hasTools || p.formatted() }

// allows reports whether a tool of that name may be called.
func (p *Plan) allows(name string) bool {
	if _, declared := p.schemas[name]; !declared || p.choice.Mode == chat.ToolsNone {
		return false
	}
	return p.choice.Allowed == nil || slices.Contains(p.choice.Allowed, name)
}

// allowed are the names of the tools that may be called.
func (p *Plan) allowed() []string {
	var names []string
	for _, t := range p.tools {
		if p.allows(t.Name) {
			names = append(names, t.Name)
		}
	}
	return names
}
