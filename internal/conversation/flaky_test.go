package conversation_test

import (
	"context"
	"errors"
	"sync/atomic"

	"achuan/internal/conversation"
)

// flaky is a store that can be made to fail, all of it at once.
type flaky struct {
	conversation.Store
	down atomic.Bool
}

var errDown = errors.New("no store")

func (f *flaky) Enter(ctx context.Context, e conversation.Entry) (*conversation.Stored, error) {
	if f.down.Load() {
		return nil, errDown
	}
	return f.Store.Enter(ctx, e)
}

func (f *flaky) Leave(ctx context.Context, t conversation.Stored) error {
	if f.down.Load() {
		return errDown
	}
	return f.Store.Leave(ctx, t)
}

func (f *flaky) Turn(ctx context.Context, token conversation.Token) (*conversation.Stored, error) {
	if f.down.Load() {
		return nil, errDown
	}
	return f.Store.Turn(ctx, token)
}

func (f *flaky) Forget(ctx context.Context, token conversation.Token) error {
	if f.down.Load() {
		return errDown
	}
	return f.Store.Forget(ctx, token)
}

func (f *flaky) Match(ctx context.Context, c conversation.Claim) (*conversation.Session, bool, error) {
	if f.down.Load() {
		return nil, false, errDown
	}
	return f.Store.Match(ctx, c)
}

func (f *flaky) Take(ctx context.Context, id int64, token conversation.Token, reach conversation.Reach) (*conversation.Session, error) {
	if f.down.Load() {
		return nil, errDown
	}
	return f.Store.Take(ctx, id, token, reach)
}

func (f *flaky) Create(ctx context.Context, s conversation.Session, token conversation.Token) error {
	if f.down.Load() {
		return errDown
	}
	return f.Store.Create(ctx, s, token)
}

func (f *flaky) Unknow(ctx context.Context, id int64, token conversation.Token) error {
	if f.down.Load() {
		return errDown
	}
	return f.Store.Unknow(ctx, id, token)
}

func (f *flaky) Save(ctx context.Context, s conversation.Save) error {
	if f.down.Load() {
		return errDown
	}
	return f.Store.Save(ctx, s)
}

func (f *flaky) Extend(ctx context.Context, tokens []conversation.Token) ([]conversation.Token, error) {
	if f.down.Load() {
		return nil, errDown
	}
	return f.Store.Extend(ctx, tokens)
}

func (f *flaky) Session(ctx context.Context, caller string, id int64) (*conversation.Session, error) {
	if f.down.Load() {
		return nil, errDown
	}
	return f.Store.Session(ctx, caller, id)
}

func (f *flaky) Replace(ctx context.Context, old int64, token conversation.Token, s conversation.State, next int64, alias bool) error {
	if f.down.Load() {
		return errDown
	}
	return f.Store.Replace(ctx, old, token, s, next, alias)
}

func (f *flaky) Name(ctx context.Context, k conversation.NameKey) (conversation.Name, error) {
	if f.down.Load() {
		return conversation.Name{}, errDown
	}
	return f.Store.Name(ctx, k)
}

func (f *flaky) ClaimName(ctx context.Context, k conversation.NameKey, token conversation.Token) (conversation.Name, bool, error) {
	if f.down.Load() {
		return conversation.Name{}, false, errDown
	}
	return f.Store.ClaimName(ctx, k, token)
}

func (f *flaky) BindName(ctx context.Context, b conversation.Binding, session int64) error {
	if f.down.Load() {
		return errDown
	}
	return f.Store.BindName(ctx, b, session)
}

func (f *flaky) ReleaseName(ctx context.Context, k conversation.NameKey, token conversation.Token) error {
	if f.down.Load() {
		return errDown
	}
	return f.Store.ReleaseName(ctx, k, token)
}

func (f *flaky) Historic(ctx context.Context, k conversation.NameKey) error {
	if f.down.Load() {
		return errDown
	}
	return f.Store.Historic(ctx, k)
}

func (f *flaky) Expire(ctx context.Context) (int, error) {
	if f.down.Load() {
		return 0, errDown
	}
	return f.Store.Expire(ctx)
}
