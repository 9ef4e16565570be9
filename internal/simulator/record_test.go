package simulator

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRecordPages(t *testing.T) {
	c, id := newTestSession(t, Options{})
	var want []string
	for i := range 23 {
		want = append(want, fmt.Sprint("question ", i))
		c.ask(id, want[i])
	}
	slices.Reverse(want)
	for _, tt := range []struct {
		page int
		want []string
	}{{0, want[:10]}, {1, want[:10]}, {2, want[10:20]}, {3, want[20:]}, {4, nil}, {-3, want[:10]}} {
		var list struct {
			Data struct {
				Page, Size, Total, Pages int
				Records                  []Record
			}
		}
		decode(t, c.mustCall(fmt.Sprintf("GET /api/chat/record/%d?page=%d", id, tt.page), ""), &list)
		var got []string
		for _, r := range list.Data.Records {
			got = append(got, r.UserText)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("page %d (-want +got):\n%s", tt.page, diff)
		}
		if d := list.Data; d.Size != 10 || d.Total != 23 || d.Pages != 3 || d.Page != max(tt.page, 1) {
			t.Errorf("page %d: page, size, total, pages = %d, %d, %d, %d; want %d, 10, 23, 3",
				tt.page, d.Page, d.Size, d.Total, d.Pages, max(tt.page, 1))
		}
	}
}

func TestDeleteRecords(t *testing.T) {
	c, id := newTestSession(t, Options{})
	for i := range 4 {
		c.ask(id, fmt.Sprint("question ", i))
	}
	records := c.sim.Records(id)
	recordTexts := func() (texts []string) {
		for _, r := range c.sim.Records(id) {
			texts = append(texts, r.UserText)
		}
		return texts
	}
	c.mustCall(fmt.Sprintf("DELETE /api/chat/record?cid=%d&sid=%d&taskId=", records[1].ID, id), "")
	c.mustCall(fmt.Sprintf("DELETE /api/chat/record?cid=&sid=%d&taskId=%s", id, records[2].TaskID), "")
	if diff := cmp.Diff([]string{"question 0", "question 3"}, recordTexts()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	c.ask(id, "and now")
	turns := c.sim.Turns()
	if got := turns[len(turns)-1].History; len(got) != 2 || got[0].User != "question 0" || got[1].User != "question 3" {
		t.Errorf("history = %v, want questions 0 and 3", got)
	}
	c.mustCall(fmt.Sprintf("DELETE /api/chat/record/%d", id), "")
	if got := recordTexts(); got != nil {
		t.Errorf("records after deletion of all = %v, want none", got)
	}
}

func TestRecordTypeOfVersion31(t *testing.T) {
	c, id := newTestSession(t, Options{Version: "3.1.0"})
	c.ask(id, "hi")
	if r := c.sim.Records(id)[0]; r.RecordType != "message" {
		t.Errorf("recordType = %q, want %q", r.RecordType, "message")
	}
}
