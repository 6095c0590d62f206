//go:build !unix

package runner

import "syscall"

func ownGroup() *syscall.SysProcAttr { return nil }
