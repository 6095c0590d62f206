package rl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/judge"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/prefs"
	"github.com/rewardlab/rewardlab/rl/run"
)

// prefsScore is what learning from answers came to, beside learning from the true reward.
func prefsScore() run.Score {
	return scored("share of the same learner's return on the true reward (0: random behaviour)", "eval/ratio")
}

// prefsPresets learn a reward from comparisons of clips.
func prefsPresets() []run.Preset {
	pendulum := prefs.Config{Config: reach("pendulum")}
	// Whole episodes in one iteration: the untrained policy shows something to judge in their first second alone.
	cartpole := prefs.Config{Sees: "next", Fit: 150, RewardLR: 3e-3, Config: ppo.Config{
		Env: "cartpole-fixed", Envs: 16, Steps: 500, Minibatches: 16, Total: 300_000, LR: 1e-3, Entropy: 0.01, NormReward: true}}
	// Short clips: where the arm is now matters, not how it came there. Of what the true reward gives, clips of 25 steps came to 0.81 in 200,000 steps.
	reacher := prefs.Config{Sees: "transition", ClipSteps: 10, Fit: 200, RewardLR: 2e-3, Config: reach("reacher")}
	reacher.Total = 400_000
	// With rewards of mean 0 a lost ball costs nothing, hence the bonus. Bricks vanish alike everywhere, hence reward_pool; short clips say which step did it;
	// and a reward of deviation 1 is several times the true one, so that exploring must be worth more, too.
	breakout := prefs.Config{Sees: "transition", ClipSteps: 8, RewardHidden: []int{32}, RewardPool: true, FitBatch: 16, Fit: 200, RewardLR: 3e-3, Living: 0.3,
		Config: arcade("breakout")}
	breakout.Entropy, breakout.NormReward = 0.04, true
	// Behaviour that no environment rewards: the answers go by a script. The other one, an eight (judge=eight), is half learned from as many answers.
	spin := pendulum
	spin.Judge = "spin"
	return presets("prefs", prefs.ConfigSource(), prefsScore(), func(ctx context.Context, c *prefs.Config, opt run.OpenOptions) (run.Worker, error) {
		return inEnv(ctx, opt, c.Env, func(e *backend.Engine, in env.Env) (run.Worker, error) {
			return openPrefs(ctx, e, in, c, prefs.Options{})
		})
	}, []row[prefs.Config]{
		{"prefs-pendulum", "700 answers about which clip is better teach PPO to swing a pendulum up", pendulum},
		{"prefs-cartpole", "700 answers teach PPO to balance a pole, in episodes of a fixed length", cartpole},
		{"prefs-reacher", "700 answers teach PPO to bring the tip of an arm to a target", reacher},
		{"prefs-breakout", "700 answers teach PPO MinAtar's Breakout", breakout},
		{"prefs-spin", "700 answers teach PPO to spin a pendulum round and round, which no reward asks for", spin},
	})
}

// openPrefs compiles a configuration. What o leaves open, the configuration says.
func openPrefs(ctx context.Context, e *backend.Engine, made env.Env, c *prefs.Config, o prefs.Options) (run.Worker, error) {
	var book *prefs.Book
	if c.Answers != "" && o.Book == nil {
		var err error
		if book, err = prefs.OpenBook(c.Answers); err != nil {
			return nil, err
		}
		o.Book = book
	}
	switch {
	case o.Gatherer != nil:
	case c.Ask == "terminal":
		o.Gatherer = prefs.NewTerminal(os.Stdin, os.Stderr, o.Book)
	case c.Ask == "ai":
		var err error
		if o.Gatherer, err = judgeOf(c.Env); err != nil {
			return nil, err
		}
	}
	w, err := prefs.New(ctx, e, made, c, o)
	if book == nil {
		return w, err
	}
	if err != nil {
		return nil, errors.Join(err, book.Close())
	}
	w.Closers = append(w.Closers, book.Close)
	return w, nil
}

// judgeOf is SmolLM2 as the judge of clips of an environment that it can judge. Its answers are stored; the model is not needed.
func judgeOf(environment string) (*judge.Judge, error) {
	principle, ok := map[string]string{"pendulum": judge.Upright, "cartpole": judge.StayUp, "cartpole-fixed": judge.StayUp}[environment]
	if !ok {
		return nil, fmt.Errorf("nothing is stored of what a language model says about %s: set ask=synthetic, or give TrainPreferences a judge.Judge with a principle and a model", environment)
	}
	scores, err := judge.Stored(nil)
	if err != nil {
		return nil, err
	}
	return &judge.Judge{Scorer: scores, Principle: principle}, nil
}

// TrainPreferences is Train for a preset of prefs whose clips are judged as ask says: by a person in a notebook, a language model, a script.
func TrainPreferences(ctx context.Context, preset string, ask prefs.Options, o Options) (*run.Run, error) {
	p, cfg, err := configured(preset, o.Set)
	if err != nil {
		return nil, err
	}
	c, ok := cfg.(*prefs.Config)
	if !ok {
		return nil, fmt.Errorf("preset %s learns from no answers: take one of prefs", preset)
	}
	p.Open = func(ctx context.Context, cfg any, opt run.OpenOptions) (run.Worker, error) {
		return inEnv(ctx, opt, c.Env, func(e *backend.Engine, in env.Env) (run.Worker, error) { return openPrefs(ctx, e, in, c, ask) })
	}
	return train(ctx, cmp.Or(o.Folder, Folder(preset)), p, cfg, o)
}

// LearnedReturns are what the reward that a seed of a run of prefs has learned pays for clips. Only their differences mean something.
func LearnedReturns(ctx context.Context, r *run.Run, seed int64, clips []prefs.Fragment) ([]float64, error) {
	c := &prefs.Config{}
	if err := r.Decode(c); err != nil {
		return nil, fmt.Errorf("run folder %s: %w", r.Folder, err)
	}
	state, err := r.State(seed)
	if err != nil {
		return nil, err
	}
	in, e, err := openIn(ctx, c.Env, nil)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return prefs.Returns(ctx, e.Backend, in, c, state, clips)
}
