package lm

import (
	"os/exec"
	"syscall"
)

// endWithUs has the system end a child when this process is killed.
func endWithUs(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
