package ppo_test

import (
	"math"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

// A policy that does not learn balances for 10 steps or so, and swings at about -1200.
func TestLearns(t *testing.T) {
	e := backendtest.XLA(t)
	tests := []struct {
		name, set string
		least     float64
	}{
		{"cartpole", "envs=8 total=60000 lr=2.5e-3 entropy=0.01 norm_reward=true", 400},
		{"an ensemble", "ensemble=3 envs=8 total=60000 lr=2.5e-3 entropy=0.01 norm_reward=true", 400},
		{"pendulum", "env=pendulum total=64000 envs=16 steps=100 epochs=10 gamma=0.95 norm_obs=true norm_reward=true lr=3e-3", -500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := trainertest.Train(t, open(t, e, tt.set), 1)
			eval := r.Eval
			if got := eval["eval/return"]; got < tt.least {
				t.Errorf("greedy return %.0f after training, want at least %.0f", got, tt.least)
			}
			if lo, hi := eval["eval/return_lo"], eval["eval/return_hi"]; !(lo <= eval["eval/return"] && eval["eval/return"] <= hi) {
				t.Errorf("the mean %g is outside its interval [%g, %g]", eval["eval/return"], lo, hi)
			}
			first, last := r.Rows[0].Values, r.Last().Values
			if !(first["losses/entropy"] > last["losses/entropy"]) {
				t.Errorf("the entropy went from %g to %g", first["losses/entropy"], last["losses/entropy"])
			}
			if !(last["charts/learning_rate"] < first["charts/learning_rate"]/10) {
				t.Errorf("the step size went from %g to %g, it should end near 0", first["charts/learning_rate"], last["charts/learning_rate"])
			}
			for _, name := range strings.Fields("policy_loss value_loss entropy old_approx_kl approx_kl clipfrac explained_variance") {
				if _, ok := last["losses/"+name]; !ok {
					t.Errorf("no metric losses/%s", name)
				}
			}
		})
	}
}

// broken is CartPole whose observation becomes NaN once the cart has gone far enough.
type broken struct{ env.Env }

func (b broken) Observe(state *Node) *Node {
	far := GreaterThan(Abs(state), MulScalar(OnesLike(state), 0.5))
	return Where(far, MulScalar(OnesLike(state), math.NaN()), state)
}

func TestObservationsThatAreNotNumbers(t *testing.T) {
	e := backendtest.Go(t)
	c := &ppo.Config{Total: 4000, Steps: 512, Minibatches: 1, Hidden: []int{4}}
	if err := run.Resolve(c); err != nil {
		t.Fatal(err)
	}
	w, err := ppo.New(t.Context(), e, broken{env.CartPole(env.CartPoleConfig{})}, c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	tr, err := w.Trainer(t.Context(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = tr.Step(t.Context()); err == nil || !strings.Contains(err.Error(), "environment cartpole, iteration 0") {
		t.Errorf("error %v, want one that names the environment and the iteration", err)
	}
}

// growing is CartPole whose state gets a column more with each step.
type growing struct{ env.Env }

func (g growing) Step(key, state, action *Node) (newKey, next, reward, terminated *Node) {
	key, next, reward, terminated = g.Env.Step(key, state, action)
	return key, Concatenate([]*Node{next, next}, 1), reward, terminated
}

func TestMistakesAreNamed(t *testing.T) {
	e := backendtest.Go(t)
	cartpole := env.CartPole(env.CartPoleConfig{})
	tests := []struct {
		name, set, want string
		env             env.Env
	}{
		{"no environments", "envs=-1", "envs is -1", nil},
		{"no steps", "steps=-128", "steps is -128", nil},
		{"unequal minibatches", "minibatches=3", "do not make 3 minibatches", nil},
		{"minibatches of one", "envs=1 steps=4", "at least 2 steps", nil},
		{"no devices", "devices=-1", "devices is -1", nil},
		{"unequal parts of a minibatch", "devices=3", "a minibatch of envs x steps / minibatches = 128 steps does not make 3 equal parts", nil},
		{"an ensemble on devices", "ensemble=2 devices=2", "one of them must be 1", nil},
		{"no members", "ensemble=-1", "ensemble is -1", nil},
		{"shorter than an update", "total=100", "total is 100", nil},
		{"a step size below 0", "lr=-1", "lr is -1", nil},
		{"a discount above 1", "gamma=1.1", "gamma is 1.1", nil},
		{"a layer without units", "hidden=64,-1", "hidden layer of -1", cartpole},
		{"a convolution of four numbers", "torso=conv hidden=8", "use torso mlp", cartpole},
		{"shapes that change", "hidden=8", "environment cartpole: after a step the state is", growing{cartpole}},
		{"no time limit for the evaluation", "eval_steps=-1", "eval_steps is -1", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &ppo.Config{}
			if err := run.Set(c, strings.Fields(tt.set)...); err != nil {
				t.Fatal(err)
			}
			if err := run.Resolve(c); err != nil {
				t.Fatal(err)
			}
			err := run.Check(c)
			if tt.env != nil {
				if err != nil {
					t.Fatal(err)
				}
				_, err = ppo.New(t.Context(), e, tt.env, c)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

// A checkpoint of 8 units does not fit 16.
func TestCheckpointOfAnotherSize(t *testing.T) {
	e := backendtest.Go(t)
	small, large := open(t, e, "hidden=8 total=1024"), open(t, e, "hidden=16 total=1024")
	tr, err := small.Trainer(t.Context(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	state, err := tr.State()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := large.Trainer(t.Context(), 1, state); err == nil || !strings.Contains(err.Error(), "the checkpoint's Learner.Theta is float32[107]") {
		t.Errorf("error %v, want one that names the parameters and their number", err)
	}
}
