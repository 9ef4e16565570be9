package store

import (
	"context"
	"errors"
)

func openPostgres(context.Context, Options) (backend, error) {
	return nil, errors.New("PostgreSQL is not there yet: use sqlite:PATH")
}
