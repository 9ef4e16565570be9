// Package conversation puts a client's transcript into the right platform session. It decides
// which session a request goes to, what text is sent there, who has the session meanwhile, and
// what happens to it when something fails.
//
// It knows neither the dialects of clients nor the platform's wire format nor any database. It
// declares what it needs of a platform (Platform), of a store (Store) and of what shapes answers
// (Shaper), and it works on the types of package chat. DESIGN.md says why it works, and which
// file contains what.
//
// The rules that it keeps:
//
//   - A session is continued only when its head, the hash of all that it holds, equals the
//     hash of the transcript up to its last answer.
//   - A session has one owner. No other caller reads it, continues it or learns of it.
//   - A session has at most one turn at a time. The others wait in line.
//   - A question is sent once. Only a question that the platform certainly did not work on
//     is sent again, to a new session, when the platform does not know the old one any more.
//     A request that is repeated gets the answer that is under way or stored.
//   - A turn continues without its client, because the platform finishes the answer anyway
//     and the session must not be used before that.
package conversation
