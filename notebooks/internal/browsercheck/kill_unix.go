//go:build unix

package main

import "syscall"

// killGroup kills all processes of the group that pid leads, as the kernel does.
func killGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }
