package conversation_test

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"achuan/internal/conversation"
)

// flaky is a store whose calls can fail: all of them, or one.
type flaky struct {
	conversation.Store
	down atomic.Bool
	left atomic.Int64 // calls until the one that fails; below 1 for none
	late atomic.Bool  // the call that fails has its effect, which its caller cannot know
	// atFailure is called when that call fails; nil for nothing.
	atFailure atomic.Pointer[context.CancelFunc]
	// crash is where the process that uses the store dies; nil for nowhere.
	crash atomic.Pointer[crashPoint]
}

var errDown = errors.New("no store")

// call makes one call of the store, or fails it.
func (f *flaky) call(name string, do func() error) error {
	return f.crash.Load().around(name, func() error { return f.callOrFail(do) })
}

func (f *flaky) callOrFail(do func() error) error {
	fails := f.left.Add(-1) == 0
	if fails {
		if act := f.atFailure.Load(); act != nil {
			defer (*act)()
		}
	}
	if f.down.Load() || fails && !f.late.Load() {
		return errDown
	}
	if err := do(); err != nil || !fails {
		return err
	}
	return errDown
}

// value is call for a method that returns something.
func value[T any](f *flaky, name string, do func() (T, error)) (v T, err error) {
	err = f.call(name, func() (err error) {
		v, err = do()
		return err
	})
	if err != nil {
		return *new(T), err
	}
	return v, nil
}

func (f *flaky) AttachOrBegin(ctx context.Context, e conversation.TurnRequest) (conversation.TurnResult, error) {
	return value(f, "AttachOrBegin", func() (conversation.TurnResult, error) { return f.Store.AttachOrBegin(ctx, e) })
}

func (f *flaky) SaveTurn(ctx context.Context, t conversation.StoredTurn) error {
	return f.call("SaveTurn", func() error { return f.Store.SaveTurn(ctx, t) })
}

func (f *flaky) ReleaseTurn(ctx context.Context, token conversation.Token, hasNoOutput bool) error {
	return f.call("ReleaseTurn", func() error { return f.Store.ReleaseTurn(ctx, token, hasNoOutput) })
}

func (f *flaky) Turn(ctx context.Context, token conversation.Token) (*conversation.StoredTurn, error) {
	return value(f, "Turn", func() (*conversation.StoredTurn, error) { return f.Store.Turn(ctx, token) })
}

func (f *flaky) Forget(ctx context.Context, token conversation.Token) error {
	return f.call("Forget", func() error { return f.Store.Forget(ctx, token) })
}

func (f *flaky) Match(ctx context.Context, c conversation.HeadQuery) (s *conversation.Session, once bool, err error) {
	err = f.call("Match", func() (err error) {
		s, once, err = f.Store.Match(ctx, c)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return s, once, nil
}

func (f *flaky) Take(
	ctx context.Context, id int64, t conversation.Taking, addressing conversation.Addressing,
) (*conversation.Session, error) {
	return value(f, "Take", func() (*conversation.Session, error) { return f.Store.Take(ctx, id, t, addressing) })
}

func (f *flaky) Create(ctx context.Context, s conversation.Session, t conversation.Taking) error {
	return f.call("Create", func() error { return f.Store.Create(ctx, s, t) })
}

func (f *flaky) MarkUnasked(ctx context.Context, id int64, token conversation.Token) error {
	return f.call("MarkUnasked", func() error { return f.Store.MarkUnasked(ctx, id, token) })
}

func (f *flaky) MarkAsking(ctx context.Context, id int64, token conversation.Token, exchanges int) error {
	return f.call("MarkAsking", func() error { return f.Store.MarkAsking(ctx, id, token, exchanges) })
}

func (f *flaky) MarkSettingsUnknown(ctx context.Context, id int64, token conversation.Token) error {
	return f.call("MarkSettingsUnknown", func() error { return f.Store.MarkSettingsUnknown(ctx, id, token) })
}

func (f *flaky) Save(ctx context.Context, s conversation.Commit) error {
	return f.call("Save", func() error { return f.Store.Save(ctx, s) })
}

func (f *flaky) Extend(ctx context.Context, tokens []conversation.Token) ([]conversation.Token, error) {
	return value(f, "Extend", func() ([]conversation.Token, error) { return f.Store.Extend(ctx, tokens) })
}

func (f *flaky) Session(ctx context.Context, owner conversation.Owner, id int64) (*conversation.Session, error) {
	return value(f, "Session", func() (*conversation.Session, error) { return f.Store.Session(ctx, owner, id) })
}

func (f *flaky) Release(ctx context.Context, token conversation.Token, id int64, head conversation.Hash) error {
	return f.call("Release", func() error { return f.Store.Release(ctx, token, id, head) })
}

func (f *flaky) Name(ctx context.Context, k conversation.NameKey) (conversation.Name, error) {
	return value(f, "Name", func() (conversation.Name, error) { return f.Store.Name(ctx, k) })
}

func (f *flaky) ClaimName(
	ctx context.Context, k conversation.NameKey, token conversation.Token,
) (n conversation.Name, claimed bool, err error) {
	err = f.call("ClaimName", func() (err error) {
		n, claimed, err = f.Store.ClaimName(ctx, k, token)
		return err
	})
	if err != nil {
		return conversation.Name{}, false, err
	}
	return n, claimed, nil
}

func (f *flaky) BindName(ctx context.Context, b conversation.NameBinding, session int64) error {
	return f.call("BindName", func() error { return f.Store.BindName(ctx, b, session) })
}

func (f *flaky) ReleaseName(ctx context.Context, k conversation.NameKey, token conversation.Token) error {
	return f.call("ReleaseName", func() error { return f.Store.ReleaseName(ctx, k, token) })
}

func (f *flaky) MarkNameHistory(ctx context.Context, k conversation.NameKey) error {
	return f.call("MarkNameHistory", func() error { return f.Store.MarkNameHistory(ctx, k) })
}

func (f *flaky) ExpireLeases(ctx context.Context) (int, error) {
	return value(f, "ExpireLeases", func() (int, error) { return f.Store.ExpireLeases(ctx) })
}

func (f *flaky) TakeExpired(
	ctx context.Context, lineage, named time.Time, token conversation.Token, limit int,
) ([]conversation.Session, error) {
	return value(f, "TakeExpired", func() ([]conversation.Session, error) {
		return f.Store.TakeExpired(ctx, lineage, named, token, limit)
	})
}

func (f *flaky) Delete(ctx context.Context, id int64, token conversation.Token) error {
	return f.call("Delete", func() error { return f.Store.Delete(ctx, id, token) })
}

func (f *flaky) Postpone(ctx context.Context, id int64, token conversation.Token, retry time.Time) error {
	return f.call("Postpone", func() error { return f.Store.Postpone(ctx, id, token, retry) })
}
