package conversation

// Owner says whose sessions a call may see. The zero value sees none.
type Owner struct {
	caller   string
	everyone bool
}

// OwnerOf returns the owner that sees the sessions of one caller. caller is a
// chat.Caller.ID; "" sees none.
func OwnerOf(caller string) Owner { return Owner{caller: caller} }

// Everyone returns the owner that sees the sessions of all callers: the administrator.
func Everyone() Owner { return Owner{everyone: true} }

// Caller returns the caller whose sessions the owner sees; "" for none and for everyone.
func (o Owner) Caller() string { return o.caller }

// IsEveryone reports whether the owner sees the sessions of all callers.
func (o Owner) IsEveryone() bool { return o.everyone }

// Sees reports whether the owner sees a session of that caller.
func (o Owner) Sees(caller string) bool { return o.everyone || caller != "" && caller == o.caller }
