//go:build !unix

package main

import "errors"

func killGroup(int) error { return errors.ErrUnsupported }
