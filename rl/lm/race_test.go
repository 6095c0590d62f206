//go:build race

package lm

const raceDetector = true
