//go:build unix

package runner

import "syscall"

// ownGroup keeps the terminal's Ctrl-C from Python: the runner hears it and passes it on once.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
