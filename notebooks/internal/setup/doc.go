// Package setup prepares what the notebooks need and nothing else on the machine: JupyterLab in a virtual environment,
// GoNB and goimports built from this module's tool lines, two kernelspecs, and the module's packages compiled, all in
// the user's cache. Every step remembers what it was made from, so a second call finds nothing to do.
//
//	env, err := setup.Run(ctx, setup.Config{Log: progress.New(os.Stdout)})
//	cmd := env.Python(ctx, "-m", "jupyterlab")
//
// In the cache:
//
//	notebooks/venv-HASH/       Python packages, shared by every clone that pins the same ones
//	notebooks/clone-HASH/      one clone's: bin/ (gonb, goimports, the stand-in for go), jupyter/ (kernelspecs,
//	                           configuration), probe/ (a cell that was compiled and run), stamp.json
package setup
