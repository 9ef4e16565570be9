// Package demo makes a simulator answer as a small chat partner, for people who try the server without an
// account. It understands a handful of questions in English and Chinese, calls tools and answers in JSON.
// Its answers depend only on what the simulated platform shows to a model. Therefore what it remembers is
// what a real model would remember.
//
// The platform itself, scripted answers and faults belong to package simulator. Nothing here is random, and
// nothing here knows the server that is in front of the platform, except for the notation of tools.
package demo

import (
	"cmp"
	"time"

	"achuan/internal/simulator"
)

const (
	defaultPace = 22 * time.Millisecond // between frames, about the speed at which people read
	maxTurns    = 1                     // turns that the simulator keeps: nobody reads them, and they have files
)

// New returns a simulator that answers as the chat partner. It sets o.Answer. Where Pace, Writes and KeepTurns
// are zero, it sets values that suit a reader: one frame every 22 ms, each in a write of its own.
func New(o simulator.Options) *simulator.Simulator { return simulator.New(withDefaults(o)) }

func withDefaults(o simulator.Options) simulator.Options {
	preset := simulator.DefaultPreset
	if o.Preset != nil {
		preset = *o.Preset
	}
	o.Pace = cmp.Or(o.Pace, defaultPace)
	o.Writes = cmp.Or(o.Writes, simulator.EachFrame)
	o.KeepTurns = cmp.Or(o.KeepTurns, maxTurns)
	o.Answer = func(t simulator.Turn) string { return answerTurn(t, preset) }
	return o
}

// answerTurn returns what the chat partner answers to a turn. A session whose prompt equals preset has no
// system prompt from the client.
func answerTurn(t simulator.Turn, preset string) string {
	c := newChatContext(t, preset)
	answer := newToolTask(c).answer()
	if answer == "" {
		answer = c.describeFiles()
	}
	if answer == "" {
		answer = c.answer()
	}
	switch {
	case t.Entry.Draws:
		answer = c.pictureAnswer()
	case t.Entry.Reasons:
		answer = "<think>\n" + c.thoughts() + "\n</think>\n\n" + answer
	}
	return answer
}
