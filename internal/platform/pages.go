package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"achuan/internal/chat"
)

// pageOf is one page of a list. Old versions send a bare array, which is the whole list.
type pageOf[T any] struct {
	Total   int
	Pages   int // 0 if unknown or if the list is empty
	Records []T
	isWhole bool
}

func (p *pageOf[T]) UnmarshalJSON(b []byte) error {
	if jsonKind(b) == '[' {
		p.isWhole, p.Pages = true, 1
		err := json.Unmarshal(b, &p.Records)
		p.Total = len(p.Records)
		return err
	}
	var wrapper struct {
		Total   integer `json:"total"`
		Pages   integer `json:"pages"`
		Records list[T] `json:"records"`
	}
	if err := json.Unmarshal(b, &wrapper); err != nil {
		return err
	}
	p.Total, p.Pages, p.Records = wrapper.Total.count(), wrapper.Pages.count(), wrapper.Records
	return nil
}

// isLast reports whether no page follows this one, which has the number n.
func (p *pageOf[T]) isLast(n int) bool {
	return p.isWhole || len(p.Records) == 0 || p.Pages > 0 && n >= p.Pages
}

// recordObject is the part of a record that is read.
type recordObject struct {
	ID               integer   `json:"id"`
	Created          timestamp `json:"created"`
	UserText         text      `json:"userText"`
	AIText           text      `json:"aiText"`
	PromptTokens     integer   `json:"promptTokens"`
	CompletionTokens integer   `json:"completionTokens"`
	DeductCount      *integer  `json:"deductCount"` // points
}

// Records returns a page of a session's records, newest first. The first page is 1. Pages beyond
// the last have no records.
func (c *Client) Records(ctx context.Context, id int64, page int) (chat.RecordPage, error) {
	var p pageOf[recordObject]
	to := endpoint{http.MethodGet, "/chat/record/{id}", fmt.Sprintf("/chat/record/%d?page=%d", id, page)}
	date, err := c.callDated(ctx, to, nil, &p)
	if err != nil {
		return chat.RecordPage{}, err
	}
	out := chat.RecordPage{Total: p.Total, Page: page, Pages: p.Pages, Date: date}
	for _, r := range p.Records {
		usage := chat.Usage{PromptTokens: r.PromptTokens.count(), CompletionTokens: r.CompletionTokens.count()}
		if r.DeductCount != nil {
			usage.Points, usage.HasPoints = r.DeductCount.count(), true
		}
		reasoning, content := new(thinkSplitter).split(string(r.AIText), true)
		out.Records = append(out.Records, chat.Record{
			ID: int64(r.ID), Created: r.Created.Time, UserText: string(r.UserText), AIText: string(r.AIText),
			Reasoning: reasoning, Text: content,
			Usage: usage,
		})
	}
	return out, nil
}
