package conversation

import (
	"errors"
	"time"
)

// placeByName continues the session that the name means. A name that was once used with a history
// is only a scope: each chat in it is placed by its transcript.
func (t *turn) placeByName(k NameKey) error {
	t.binding = &NameBinding{Key: k}
	transcript := t.request.Transcript()
	n, err := t.engine.opts.Store.Name(t.clientCtx, k)
	if err != nil {
		return t.storeError(err)
	}
	if !isLoneMessage(transcript) {
		t.binding.History = true
		if !n.History {
			if err := t.engine.opts.Store.MarkNameHistory(t.clientCtx, k); err != nil {
				return t.storeError(err)
			}
		}
		return t.placeByLineage(k)
	}
	if n.History {
		return t.placeWhole(k, false)
	}
	release, err := t.engine.names.take(t.clientCtx, k, t.newPoller().deadline)
	if err != nil {
		return err
	}
	t.releases = append(t.releases, release)
	return t.placeByLoneName(k)
}

// placeByLoneName places a lone message. The turn holds the name in t.engine.names.
func (t *turn) placeByLoneName(k NameKey) error {
	wait := t.newPoller()
	transcript := t.request.Transcript()
	content := contentOfRest(transcript, t.renderer())
	if err := t.checkSize(content, ""); err != nil {
		return err
	}
	t.prepare(content, Hash{})
	for {
		n, claimed, err := t.engine.opts.Store.ClaimName(t.clientCtx, k, t.token)
		switch {
		case errors.Is(err, ErrTaken): // on another replica
			if err := wait.next(t.clientCtx); err != nil {
				return err
			}
			continue
		case err != nil:
			t.claimedName = &k // the store may have claimed it
			return t.storeError(err)
		case claimed:
			return t.placeFirst(k)
		case n.History:
			return t.placeWhole(k, false)
		}
		taken, err := t.take(n.Session, ByName)
		switch {
		case errors.Is(err, ErrUnknown):
			// The session was replaced or deleted, so the name is read again.
			if again, err := t.engine.opts.Store.Name(t.clientCtx, k); err != nil || again.Session == n.Session {
				return t.placeLostName(k, err)
			}
			continue
		case err != nil || !taken:
			return err
		}
		if s := t.session; s.State == StateFree && !s.Head.IsZero() && !s.MaybeTaken {
			isSound, err := t.isUnchanged(s)
			if err != nil {
				return err
			}
			if isSound {
				t.nextHead = continueFrom(s.Head).withKey(t.engine.opts.CallKey).add(transcript...).head
			}
		}
		return t.resumeSession(transcript, content)
	}
}

// placeLostName gives the name a new session, because its session is lost.
func (t *turn) placeLostName(k NameKey, err error) error {
	if err != nil {
		return t.storeError(err)
	}
	return t.placeWhole(k, false)
}

// placeFirst creates the first session of a name that was claimed. The name means it from then
// on, also when its first turn fails.
func (t *turn) placeFirst(k NameKey) error {
	t.claimedName = &k
	t.engine.leases.begin(t.token, time.Now())
	if err := t.placeWhole(k, false); err != nil {
		return err
	}
	switch err := t.engine.opts.Store.BindName(t.clientCtx, *t.binding, t.session.ID); {
	case errors.Is(err, ErrTaken): // the claim expired, and another turn created the name's session
		return leaseError()
	case err != nil:
		return t.storeError(err)
	}
	t.claimedName = nil
	return nil
}
