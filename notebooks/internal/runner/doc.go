// Package runner executes a notebook without a browser and fails where a cell failed, also where GoNB hides it: a
// shell line or a magic that fails, a program that panics or is killed, a kernel that dies.
//
//	res, err := runner.Run(ctx, env, "notebooks/01_igl.ipynb", runner.Config{Fast: true})
//
// nbclient executes the cells (execute.py, in the set-up's virtual environment) and reports each as one line of JSON;
// this side judges it and answers "next" or "stop".
package runner
