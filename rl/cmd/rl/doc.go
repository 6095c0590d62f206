// Command rl trains presets from the command line.
//
//	go run ./rl/cmd/rl list
//	go run ./rl/cmd/rl train igl-mnist -seeds 5 -set lr=1e-3
//	go run ./rl/cmd/rl train igl-mnist --help     the keys that -set knows
//	go run ./rl/cmd/rl resume runs/igl-mnist-20260102-150405
//	go run ./rl/cmd/rl eval   runs/igl-mnist-20260102-150405
//	go run ./rl/cmd/rl plot   runs/igl-mnist-20260102-150405 -key accuracy
//	go run ./rl/cmd/rl film   runs/ppo-cartpole-20260102-150405
//	go run ./rl/cmd/rl demos record runs/ppo-cartpole-20260102-150405
//	go run ./rl/cmd/rl demos show cartpole        demonstrations that come with the module
//	go run ./rl/cmd/rl bench -fast                compile seconds and steps/s on this machine
//	go run ./rl/cmd/rl doctor
//
// Flags may stand before or after the preset or folder.
//
// # Exit codes
//
//	0    done
//	1    failed: the message says what, and what to do about it
//	2    the command line or the configuration is wrong; nothing was started
//	130  interrupted by Ctrl-C or a termination; the run is saved and can be resumed
//
// The go command itself reports every code but 0 as 1 ("exit status 2"); to see
// the codes, build the command: go build -o rl ./rl/cmd/rl.
//
// # JSON
//
// With -json, train, resume and eval write one object as the last line of
// standard output, and everything for people to standard error:
//
//	{"preset":"igl-mnist","engine":"xla:cpu","seeds":[1,2],"steps":128000,
//	 "compile_s":0.9,"train_s":0.31,"steps_per_s":412903,
//	 "score":{"name":"...","iqm":0.72,"lo":0.71,"hi":0.73,"mean":0.72,"per_seed":[0.71,0.73]},
//	 "extra":{"...":0.8},"run":"/home/me/runs/igl-mnist-20260102-150405"}
//
// seeds lists the seeds, and score.per_seed has their scores in the same order;
// lo and hi bound the 95% interval of iqm. steps counts interactions over all
// seeds, train_s is the wall-clock time in which at least one seed trained, and
// compile_s the longest that one engine compiled. extra holds the held-out
// numbers, as means over seeds. After an interruption score covers the seeds that
// were done, and is null if none was.
//
// bench writes an object of its own: cores, each_s and results, one for each
// measurement, of what ("random", "policy", "train"), name, engine, envs, compile_s,
// steps, episodes, repeats, steps_per_s, lo and hi; and errors, if anything failed.
package main
