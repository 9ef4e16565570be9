package main

import (
	"context"
	"time"
)

// startCount is how often the start is measured.
const startCount = 10

// measureStarts measures the time from the start of a program, with the data of an earlier start, to the end of its
// first answer.
func (b *bench) measureStarts(ctx context.Context) error {
	for range startCount + 1 {
		for _, t := range b.targets {
			if t.program == nil || t.name == nameSessions {
				continue
			}
			took, err := t.measureStart(ctx)
			if err != nil {
				return err
			}
			b.add(rowStart, t, float64(took)/float64(time.Millisecond))
		}
	}
	for name, values := range b.values[rowStart] {
		b.values[rowStart][name] = values[1:] // the first start made the data
	}
	return nil
}

func (t *target) measureStart(ctx context.Context) (took time.Duration, err error) {
	began := time.Now()
	err = t.withFreshProcess(ctx, func(fresh *target) error {
		_, err := fresh.prepare(ctx, load{clients: 1, conversations: 1})
		took = time.Since(began)
		return err
	})
	return took, err
}
