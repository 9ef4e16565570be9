package app_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// promToken matches a token of PromQL: a string, a word, a number or duration, or another character.
var promToken = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[a-zA-Z_:][a-zA-Z0-9_:]*|[0-9][0-9a-zA-Z.]*|\[[^\]]*\]|[^\s]`)

var (
	promKeywords = []string{"and", "or", "unless", "bool", "offset", "inf", "nan", "atan2"}
	promLists    = []string{"by", "without", "on", "ignoring", "group_left", "group_right"}
)

// metricsInExpression returns the metrics in an expression, each with the labels that the expression uses.
func metricsInExpression(expression string) map[string][]string {
	found := map[string][]string{}
	tokens := promToken.FindAllString(expression, -1)
	at := func(i int) string {
		if i < len(tokens) {
			return tokens[i]
		}
		return ""
	}
	word := regexp.MustCompile(`^[a-zA-Z_:]`)
	for i := 0; i < len(tokens); i++ {
		switch t := tokens[i]; {
		case !word.MatchString(t), slices.Contains(promKeywords, t):
		case slices.Contains(promLists, t):
			for at(i) != ")" && i < len(tokens) {
				i++
			}
		case at(i+1) == "(", at(i+1) == "by", at(i+1) == "without": // a function
		default:
			found[t] = append(found[t], []string{}...)
			if at(i+1) != "{" {
				continue
			}
			for i++; at(i) != "}" && i < len(tokens); i++ {
				if word.MatchString(at(i)) {
					found[t] = append(found[t], at(i))
				}
			}
		}
	}
	return found
}

func TestMetricsIn(t *testing.T) {
	for expression, want := range map[string]map[string][]string{
		`up`:                  {"up": nil},
		`0 < a_b < 3 * 86400`: {"a_b": nil},
		`sum by (job, le) (rate(a{x="y {z} up",b!~".*"}[5m])) > 0.5 and c`:                                        {"a": {"x", "b"}, "c": nil},
		`histogram_quantile(0.95, sum(rate(a_bucket{}[$__rate_interval])) by (le)) / on (x) group_left () time()`: {"a_bucket": nil},
		`max_over_time(a[5m]) == bool 0 unless b offset 1h`:                                                       {"a": nil, "b": nil},
	} {
		got := metricsInExpression(expression)
		for name, labels := range got {
			if len(labels) == 0 {
				got[name] = nil
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("metricsInExpression(%s) (-want +got):\n%s", expression, diff)
		}
	}
}
