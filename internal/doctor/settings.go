package doctor

import (
	"context"
	"strings"
)

// noSettings is the line of every check that needs the settings when they cannot be loaded.
func noSettings() Line { return skip("the settings are not valid") }

// checkSettings checks that the settings can be read and that all their values are allowed.
func (d *doctor) checkSettings(context.Context) Line {
	switch {
	case d.SettingsError != nil:
		return fail("correct the settings that are named; achuan config shows every setting, its source and its allowed values",
			"%s", strings.ReplaceAll(d.SettingsError.Error(), "\n", "; "))
	case d.isRemote:
		return skip("the settings of %s are not known here", d.URL)
	case len(d.Settings.Warnings) > 0:
		return ok("valid, but: %s", strings.Join(d.Settings.Warnings, "; "))
	}
	return ok("valid")
}
