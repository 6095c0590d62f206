//go:build !unix

package lab

import "syscall"

func detached() *syscall.SysProcAttr { return nil }
