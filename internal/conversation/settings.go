package conversation

import "achuan/internal/chat"

const (
	// mostContext is the largest contextCount that the platform's own front end
	// offers: the number of earlier exchanges added to each question.
	mostContext = 65
	// leastTemperature stands for 0, which the platform takes as "untouched".
	leastTemperature = 0.01
)

// settingsFor lays what a request names over a base: the platform's preset for a
// session that achuan made, the session's own settings for any other. The
// context count stays the base's.
func settingsFor(base chat.Settings, q *Question) chat.Settings {
	s, r := base, q.Request
	s.Model = r.Model
	if q.Prompt != "" {
		s.Prompt = q.Prompt
	}
	if r.Temperature != nil {
		s.Temperature = max(*r.Temperature, leastTemperature)
	}
	if r.PresencePenalty != nil {
		s.PresencePenalty = *r.PresencePenalty
	}
	if r.FrequencyPenalty != nil {
		s.FrequencyPenalty = *r.FrequencyPenalty
	}
	if r.MaxTokens != nil {
		s.MaxTokens = *r.MaxTokens
	}
	return s
}
