// Package conversation puts a client's transcript into the right platform
// session: which session a request goes to, what text is sent there, who has the
// session meanwhile, and what becomes of it when something fails.
//
// It knows neither the dialects of clients nor the platform's wire format nor any
// database: it declares what it needs of a platform (Platform), of a store (Store)
// and of what shapes answers (Shaper), and works on chat's types. DESIGN.md says why
// it works, and which file holds what.
//
// The rules it keeps:
//
//   - A session is gone on with when its head, the hash of all that it holds, is that
//     of the transcript up to its last answer, and never else.
//   - A session has one owner, and no other caller reads, continues or learns of it.
//   - A session has at most one turn at a time; others wait in line for it.
//   - A question is sent once. Only what the platform surely did not work on is
//     sent again: to a new session, when it no longer knows the old one.
//     A request that is repeated gets the answer that is under way or was stored.
//   - A turn outlives its client, because the platform goes on answering anyway
//     and the session must not be used before it is done.
package conversation
