// Package prefs learns a reward from comparisons of clips.
package prefs
