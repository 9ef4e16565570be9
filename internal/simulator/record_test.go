package simulator

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRecordPages(t *testing.T) {
	c := newSite(t, Options{})
	id := c.session("gpt-5.1-high")
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
		decode(t, c.ok(fmt.Sprintf("GET /api/chat/record/%d?page=%d", id, tt.page), ""), &list)
		var got []string
		for _, r := range list.Data.Records {
			got = append(got, r.UserText)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("page %d: %s", tt.page, diff)
		}
		if d := list.Data; d.Size != 10 || d.Total != 23 || d.Pages != 3 || d.Page != max(tt.page, 1) {
			t.Errorf("page %d: wrapper %d %d %d %d", tt.page, d.Page, d.Size, d.Total, d.Pages)
		}
	}
}

func TestDeleteRecords(t *testing.T) {
	c := newSite(t, Options{})
	id := c.session("gpt-5.1-high")
	for i := range 4 {
		c.ask(id, fmt.Sprint("question ", i))
	}
	records := c.sim.Records(id)
	left := func() (texts []string) {
		for _, r := range c.sim.Records(id) {
			texts = append(texts, r.UserText)
		}
		return texts
	}
	c.ok(fmt.Sprintf("DELETE /api/chat/record?cid=%d&sid=%d&taskId=", records[1].ID, id), "")
	c.ok(fmt.Sprintf("DELETE /api/chat/record?cid=&sid=%d&taskId=%s", id, records[2].TaskID), "")
	if diff := cmp.Diff([]string{"question 0", "question 3"}, left()); diff != "" {
		t.Error(diff)
	}
	c.ask(id, "and now")
	turns := c.sim.Turns()
	if got := turns[len(turns)-1].History; len(got) != 2 || got[0].User != "question 0" || got[1].User != "question 3" {
		t.Errorf("the model still sees %v", got)
	}
	c.ok(fmt.Sprintf("DELETE /api/chat/record/%d", id), "")
	if got := left(); got != nil {
		t.Errorf("left: %v", got)
	}
}

func TestRecordTypeOfVersion31(t *testing.T) {
	c := newSite(t, Options{Version: "3.1.0"})
	id := c.session("gpt-5.1-high")
	c.ask(id, "hi")
	if r := c.sim.Records(id)[0]; r.RecordType != "message" {
		t.Errorf("recordType %q", r.RecordType)
	}
}
