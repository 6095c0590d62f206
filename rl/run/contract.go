package run

import "context"

// Train trains a job into a run folder, and returns when every seed is done.
func Train(ctx context.Context, folder string, job Job) (*Result, error) { panic("being written") }

// Resolve fills the zero fields of the configuration that cfg points to from
// their `default` tags.
func Resolve(cfg any) error { panic("being written") }

// Help explains a configuration from the comments of its source.
func Help(source string, cfg any) (string, error) { panic("being written") }
