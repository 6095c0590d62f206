package lab

import "syscall"

// detached keeps the terminal's Ctrl-C from the child: we hear it and stop the child properly. If we are killed
// outright the kernel stops the child for us.
func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
