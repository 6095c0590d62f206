package setup

import "strings"

// GoNB runs three programs for every cell: goimports, `go get`, `go build`. Two stand-ins, first in the kernel's PATH,
// take out what costs time and is not needed. Measured on two cores for a cell that imports gomlx and gonum/plot, they
// and the linker flags bring it from 1.9 s to 0.6 s.

// goStandIn is called "go". It drops the bare `go get`, which needs the network and does not understand workspaces
// (GoNB's own switch for it, %noautoget, has no command-line form), and lets the compiler and linker collect less
// garbage. Everything else goes to the real go as it is.
const goStandIn = `#!/bin/sh
# Drops the "go get" that GoNB runs before every cell. To add a module to a notebook: !*go get example.com/module@v1
case "$*" in
get | "get -t") exit 0 ;;
"build -o "* | "test -c "*) export GOGC=off GOMEMLIMIT=600MiB ;;
esac
exec REAL "$@"
`

// goimportsStandIn is called "goimports". GoNB puts flag.Parse() before every %% cell and leaves the import of flag to
// goimports, which, to resolve any missing name, asks the go command about every import of the cell: 0.3 s. Usual
// imports are therefore added first, those that the cell has not already; goimports removes the unused in 0.01 s.
const goimportsStandIn = `#!/bin/sh
if [ "$1" = -w ] && [ -f "$2" ]; then
	add=
	for path in flag fmt math os strings time context MODULE/rl MODULE/plots MODULE/notebooks/nb; do
		name=${path##*/}
		grep -Eq "\"([^\"]*/)?$name\"|[[:space:]]$name \"" "$2" || add="$add; import \"$path\""
	done
	sed "s|^package main\$|package main$add|" "$2" >"$2.tmp" && mv "$2.tmp" "$2"
fi
exec REAL "$@"
`

// fill writes the path of the real program, quoted for the shell, into a stand-in.
func fill(script, real string) []byte {
	quoted := "'" + strings.ReplaceAll(real, "'", `'\''`) + "'"
	return []byte(strings.NewReplacer("REAL", quoted, "MODULE", Module).Replace(script))
}
