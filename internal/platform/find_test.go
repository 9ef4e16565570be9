package platform

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"achuan/internal/chat"
)

// shiftingList is an account's list of sessions, 30 on a page, which changes after a page was
// read.
type shiftingList struct {
	ids    []int64
	reads  []int // pages, in order
	after  func(l *shiftingList, page int)
	isLost bool // the records say that the session is not there
}

func newShiftingList(n int, after func(l *shiftingList, page int)) *shiftingList {
	l := &shiftingList{after: after}
	for id := range int64(n) {
		l.ids = append([]int64{1000 + id}, l.ids...)
	}
	return l
}

func (l *shiftingList) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "/record/") {
		if l.isLost {
			replyWith(200, jsonType, `{"code":1,"data":null,"msg":"对话不存在"}`)(w, r)
			return
		}
		replyData(`{"page":1,"total":1,"pages":1,"records":[{"id":1}]}`)(w, r)
		return
	}
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	l.reads = append(l.reads, page)
	var records []string
	for _, id := range l.ids[min((page-1)*30, len(l.ids)):min(page*30, len(l.ids))] {
		records = append(records, fmt.Sprintf(`{"id":%d,"model":"m"}`, id))
	}
	replyData(fmt.Sprintf(`{"page":%d,"size":30,"total":%d,"pages":%d,"records":[%s]}`,
		page, len(l.ids), (len(l.ids)+29)/30, strings.Join(records, ",")))(w, r)
	if l.after != nil {
		l.after(l, page)
	}
}

// move moves a session to the front, as one that is used.
func (l *shiftingList) move(id int64) {
	l.ids = slices.DeleteFunc(l.ids, func(x int64) bool { return x == id })
	l.ids = append([]int64{id}, l.ids...)
}

func (l *shiftingList) drop(i int) { l.ids = slices.Delete(l.ids, i, i+1) }

func (l *shiftingList) add() { l.ids = append([]int64{9000 + int64(len(l.ids))}, l.ids...) }

// FindSession finds a session although the list changes during the search, and ends the search for
// a session that the list certainly does not have.
func TestFindSessionInShiftingList(t *testing.T) {
	const wanted = 1059 // the 41st of 100: on the second page
	once := func(f func(l *shiftingList)) func(*shiftingList, int) {
		done := false
		return func(l *shiftingList, page int) {
			if page == 1 && !done {
				done = true
				f(l)
			}
		}
	}
	always := func(f func(l *shiftingList)) func(*shiftingList, int) {
		return func(l *shiftingList, page int) {
			if page == 1 {
				f(l)
			}
		}
	}
	for _, tt := range []struct {
		name   string
		id     int64
		after  func(*shiftingList, int)
		isLost bool
		want   chat.Code // "" when it is found
		reads  int
	}{
		{"quiet", wanted, nil, false, "", 2},
		{"quiet, absent", 7, nil, false, chat.CodeSessionNotFound, 5},
		{"one is added", 1069, once((*shiftingList).add), false, "", 2},
		{"one is added, absent", 7, once((*shiftingList).add), false, chat.CodeSessionNotFound, 5},
		{"added all the time, absent", 7, func(l *shiftingList, _ int) { l.add() }, false, chat.CodeSessionNotFound, 5},
		{"it moves to the front", wanted, once(func(l *shiftingList) { l.move(wanted) }), false, "", 5},
		{"it moves to the front, and one is added", wanted, once(func(l *shiftingList) { l.move(wanted); l.add() }), false, "", 5},
		{"it moves to the front, and one is deleted", wanted, once(func(l *shiftingList) { l.move(wanted); l.drop(20) }), false, "", 5},
		{"one before it is deleted", 1069, once(func(l *shiftingList) { l.drop(0) }), false, "", 5},
		{"one before it is deleted, and one added later", 1069, func(l *shiftingList, page int) {
			switch len(l.reads) {
			case 1:
				l.drop(0)
			case 2:
				l.add()
			}
		}, false, "", 6},
		{"others move, absent", 7, once(func(l *shiftingList) { l.move(wanted) }), false, chat.CodeSessionNotFound, 9},
		{"it moves behind the reader every time", wanted, func(l *shiftingList, page int) {
			if l.move(wanted); page == 4 {
				l.ids = append(l.ids[1:41], append([]int64{wanted}, l.ids[41:]...)...)
			}
		}, false, chat.CodeBackendUnavailable, 12},
		{"deleted all the time, absent", 7, always(func(l *shiftingList) { l.drop(0) }), false, chat.CodeBackendUnavailable, 12},
		{"deleted all the time, absent, and its records say so", 7, always(func(l *shiftingList) { l.drop(0) }), true, chat.CodeSessionNotFound, 12},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newShiftingList(100, tt.after)
			l.isLost = tt.isLost
			c := startPlatform(t, l.ServeHTTP)
			s, err := c.FindSession(t.Context(), tt.id)
			if tt.want == "" {
				if err != nil || s.ID != tt.id || !s.Fresh {
					t.Errorf("FindSession(%d) = %+v, %v, want it", tt.id, s, err)
				}
			} else if e := chat.AsError(err); e == nil || e.Code != tt.want ||
				e.SessionLost != (tt.want == chat.CodeSessionNotFound) {
				t.Errorf("FindSession(%d) = %+v, %v, want %s", tt.id, s, err, tt.want)
			}
			if len(l.reads) != tt.reads {
				t.Errorf("read pages %v, want %d", l.reads, tt.reads)
			}
		})
	}
}

// An update keeps what the owner has changed on the platform's site.
func TestUpdateSessionKeepsOwnersEdits(t *testing.T) {
	mine := `{"id":7,"name":"new","model":"m","topSort":0,"temperature":0,"prompt":""}`
	owners := `{"id":7,"name":"renamed","model":"m","topSort":1,"temperature":0,"prompt":""}`
	for _, tt := range []struct {
		name  string
		fresh bool
		list  http.HandlerFunc
		want  string // sent
		calls int    // of the list
	}{
		{"read again", false, replyData(`{"total":1,"pages":1,"records":[` + owners + `]}`), `{"id":7,"name":"renamed","model":"m","topSort":1,"temperature":0.7,"prompt":""}`, 1},
		{"fresh", true, replyData(`null`), `{"id":7,"name":"new","model":"m","topSort":0,"temperature":0.7,"prompt":""}`, 0},
		{"not listed", false, replyData(`{"total":1,"pages":1,"records":[{"id":8}]}`), `{"id":7,"name":"new","model":"m","topSort":0,"temperature":0.7,"prompt":""}`, 1},
		{"no list", false, replyWith(502, "text/html", "<html>"), `{"id":7,"name":"new","model":"m","topSort":0,"temperature":0.7,"prompt":""}`, 1},
		{"far behind", false, func(w http.ResponseWriter, r *http.Request) {
			replyData(fmt.Sprintf(`{"total":3000,"pages":100,"records":[{"id":%s00}]}`, r.URL.Query().Get("page")))(w, r)
		}, `{"id":7,"name":"new","model":"m","topSort":0,"temperature":0.7,"prompt":""}`, maxRefreshPages},
	} {
		t.Run(tt.name, func(t *testing.T) {
			calls, put := 0, ""
			c := startPlatform(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					calls++
					tt.list(w, r)
					return
				}
				var body json.RawMessage
				if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
					t.Error(err)
				}
				put = string(body)
				replyData(put)(w, r)
			})
			s := chat.Session{ID: 7, Object: []byte(mine), Fresh: tt.fresh, Settings: chat.Settings{Model: "m", Temperature: 0.7}}
			if _, err := c.UpdateSession(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			if put != tt.want || calls != tt.calls {
				t.Errorf("sent %s after %d lists, want %s after %d", put, calls, tt.want, tt.calls)
			}
		})
	}
}

// A hanging list delays an update for a limited time, and other calls not at all.
func TestHangingList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := playScript(time.Hour)
		c, _ := startPipedPlatform(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				hang(w, r)
				return
			}
			replyData(`{"id":7,"model":"m"}`)(w, r)
		})
		go func() {
			if _, err := c.FindSession(t.Context(), 8); err == nil {
				t.Error("FindSession(8) = a session, want an error")
			}
		}()
		synctest.Wait()
		start := time.Now()
		if _, err := c.CreateSession(t.Context(), "m"); err != nil || time.Since(start) != 0 {
			t.Errorf("CreateSession took %v, %v, want no time", time.Since(start), err)
		}
		if _, err := c.UpdateSession(t.Context(), chat.Session{ID: 7, Object: []byte(`{"id":7}`), Settings: chat.Settings{Model: "m"}}); err != nil ||
			time.Since(start) != refreshTimeout {
			t.Errorf("UpdateSession took %v, %v, want %v", time.Since(start), err, refreshTimeout)
		}
		time.Sleep(findTimeout)
	})
}
