package store

import (
	"context"
	"strconv"
	"strings"
	"testing"
)

// Frequent statements use the index that was made for them, although SQLite has no statistics.
// With a wrong index they would scan all sessions of an account.
func TestStatementsUseTheirIndex(t *testing.T) {
	tests := map[string]struct{ statement, want string }{
		"match":            {matchSession, "heads USING PRIMARY KEY (head=? AND account=?)"},
		"once":             {isKnownHead, "SEARCH heads USING PRIMARY KEY (head=? AND account=?)"},
		"save":             {saveSession, "(id=? AND account=?)"},
		"session":          {findSession, "sqlite_autoindex_sessions_1 (id=? AND account=?)"},
		"alias":            {findSession, "aliases USING PRIMARY KEY (id=? AND account=?)"},
		"extend sessions":  {extendSessionLeases, "sessions_taken (account=?)"},
		"extend claims":    {extendClaimLeases, "names_token (account=? AND token=?)"},
		"expire":           {expireSessions, "sessions_taken (account=?)"},
		"due":              {takeDeletableBy.lineage, "sessions_due (account=? AND reach=? AND <expr><?)"},
		"replaced and due": {takeDeletableBy.gone, "sessions_gone (account=? AND used<?)"},
		"page":             {listCallerPage, "sessions_list (account=? AND caller=?)"},
		"total":            {countCallerSessions, "COVERING INDEX sessions_list (account=? AND caller=?)"},
		"states":           {countByState, "COVERING INDEX sessions_state"},
		"taken":            {countTakenByState, "sessions_taken (account=?)"},
		"left turn":        {selectLeftTurn, "turns_request (account=? AND caller=? AND request=?)"},
		"key":              {attachByKey, "turns_idem (account=? AND caller=? AND idem=?)"},
		"head":             {saveHead, "sqlite_autoindex_sessions_1 (id=? AND account=?)"},
		"heads to delete":  {deleteOrphanHeads, "heads USING PRIMARY KEY ((head,account,session)>(?,?,?) AND (head,account,session)<(?,?,?))"},
		"names to delete":  {deleteSessionNames, "names_session (account=? AND session=?)"},
		"aliases to pass":  {moveAliases, "aliases_session (account=? AND session=?)"},
		"interrupted":      {selectInterrupted, "sessions_unseen (account=? AND request=?)"},
		"moved on":         {selectInterrupted, "sessions_taken (account=? AND request=?)"},
		"running":          {selectRunning, "sessions_taken (account=? AND request=?)"},
		"ended":            {selectEnded, "sessions_list (account=? AND caller=? AND <expr>>?)"},
		"resume":           {takeInterrupted, "sessions_unseen (account=? AND request=?)"},
	}
	s := sqliteDatabase("sqlite::memory:").open(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var args []any
			for i := range 30 {
				if strings.Contains(test.statement, "$"+strconv.Itoa(i+1)) {
					args = append(args, make([]any, i+1-len(args))...)
				}
			}
			var plan []string
			requireNoError(t, s.read(t.Context(), func(ctx context.Context, c conn) (err error) {
				plan, err = queryAll(ctx, c, func(r rows) (string, error) {
					var detail string
					err := r.Scan(new(int64), new(int64), new(int64), &detail)
					return detail, err
				}, "EXPLAIN QUERY PLAN "+test.statement, args...)
				return err
			}))
			if !strings.Contains(strings.Join(plan, "\n"), test.want) {
				t.Errorf("plan =\n%s\nwant %s in it", strings.Join(plan, "\n"), test.want)
			}
		})
	}
}
