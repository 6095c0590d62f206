package igl

import "github.com/rewardlab/rewardlab/rl/run"

// Config says what to train. A zero field means its default.
type Config struct {
	// Where the images come from: mnist, fashion, synthetic, or folder:PATH with the four IDX files.
	Dataset string `json:"dataset" default:"mnist"`
	// How many training images to take, the first ones. 0 means all.
	Images int `json:"images"`
	// How the policy learns. online: the joint gradient method; ground: the paper's explore-to-ground scheme; offline: the paper's
	// objective on logged uniform play; bandit: online with the true reward; ips: offline with the true reward; supervised: labels.
	Method string `json:"method" default:"online" enum:"online|ground|offline|bandit|ips|supervised"`
	// What the environment answers with. normal: a "1" for success, a "0" for failure; swapped: the other way round; switch: swapped from
	// iteration switch_at on; action: digit (a+6R-3) mod 10, which shows the action too; random-good: naming the true digit
	// is the one bad action; grid: steps on a grid, one answer an episode.
	Feedback string `json:"feedback" default:"normal" enum:"normal|swapped|switch|action|random-good|grid"`
	// Probability that an answer is drawn from the other class, 0 to 0.5.
	Noise float64 `json:"noise"`
	// Iteration at which feedback switch turns round.
	SwitchAt int `json:"switch_at" default:"500"`

	// Form of the policy.
	Policy string `json:"policy" default:"linear" enum:"linear|mlp|conv"`
	// Form of the decoder. per-action is linear with one decoder for every action.
	Decoder string `json:"decoder" default:"linear" enum:"linear|mlp|conv|per-action"`
	// Width of the hidden layer of mlp and conv.
	Hidden int `json:"hidden" default:"64"`

	// Iterations of training.
	Iterations int `json:"iterations" default:"1000"`
	// Rounds an iteration in which the policy acts (online, ground, bandit).
	Exploit int `json:"exploit" default:"32"`
	// Rounds an iteration in which a uniform policy acts (online, ground).
	Explore int `json:"explore" default:"32"`
	// Logged rounds of uniform play (offline, ips); every tenth is held out for choosing between the two starts.
	Logs int `json:"logs" default:"60000"`
	// Only the newest so many explored rounds are learned from (ground). 0 means all; answers whose meaning changes need a window.
	Window int `json:"window"`
	// Logged rounds in one minibatch (ground, offline, ips, supervised).
	Batch int `json:"batch" default:"256"`
	// Step size of Adam for the policy.
	LR float64 `json:"lr" default:"1e-3"`
	// Step size of Adam for the decoder. It should lead: the policy can only be as right as the reward that it is given.
	DecoderLR float64 `json:"decoder_lr" default:"5e-3"`

	// Feed feedback pixels as they are, not centred on the mean image. Raw pixels hide the method's blind spot: zeros have more ink than ones.
	RawFeedback bool `json:"raw_feedback"`
	// Cut the gradient through the advantage (online). The decoder then loses its only pull upwards.
	Detach bool `json:"detach"`
	// Leave out the term on random behaviour (online).
	NoAnchor bool `json:"no_anchor"`
	// Use one start only (ground, offline), and so risk the mirror solution.
	OneStart bool `json:"one_start"`
	// The one bit of prior knowledge: random behaviour mostly succeeds.
	RandomIsGood bool `json:"random_is_good"`

	// Side of the grid (feedback grid).
	GridSide int `json:"grid_side" default:"5"`
	// Steps of an episode (feedback grid).
	Horizon int `json:"horizon" default:"8"`

	// Iterations that one row of metrics.jsonl averages over.
	LogEvery int `json:"log_every" default:"10"`
}

// Check returns everything that is wrong with a resolved c.
func (c *Config) Check() []error {
	var p run.Problems
	p.AtLeast("iterations", c.Iterations, 1)
	p.AtLeast("exploit", c.Exploit, 2) // the advantage is divided by a standard deviation
	p.AtLeast("explore", c.Explore, 1)
	p.AtLeast("batch", c.Batch, 2)
	p.AtLeast("logs", c.Logs, 20)
	p.AtLeast("hidden", c.Hidden, 1)
	p.AtLeast("log_every", c.LogEvery, 1)
	p.AtLeast("grid_side", c.GridSide, 3)
	p.AtLeast("horizon", c.Horizon, 1)
	if !(c.LR > 0) {
		p.Bad("lr is %g: give a positive step size", c.LR)
	}
	if !(c.DecoderLR > 0) {
		p.Bad("decoder_lr is %g: give a positive step size", c.DecoderLR)
	}
	if !(c.Noise >= 0 && c.Noise <= 0.5) {
		p.Bad("noise is %g: give a probability from 0 to 0.5; above that the answers are swapped", c.Noise)
	}
	if c.Decoder == "per-action" && c.Method != "offline" && c.Method != "ground" {
		p.Bad("decoder per-action needs logged uniform play: use method offline or ground, not %s", c.Method)
	}
	if c.Feedback == "grid" && c.Method != "online" && c.Method != "bandit" {
		p.Bad("feedback grid has methods online and bandit, not %s", c.Method)
	}
	if c.Feedback == "grid" && (c.Policy != "linear" || c.Decoder == "per-action") {
		p.Bad("feedback grid has a table as its policy and one decoder: leave policy at linear and decoder at linear, mlp or conv")
	}
	if c.Images < 0 {
		p.Bad("images is %d: give how many training images to take, or 0 for all", c.Images)
	}
	if c.Window != 0 && (c.Method != "ground" || c.Window < 20) {
		p.Bad("window is %d with method %s: it is for method ground, at least 20 rounds, or 0 for all", c.Window, c.Method)
	}
	if c.Feedback == "switch" && (c.SwitchAt < 1 || c.SwitchAt >= c.Iterations) {
		p.Bad("switch_at is %d of %d iterations: nothing would change; choose an iteration in between", c.SwitchAt, c.Iterations)
	}
	if c.Feedback == "switch" && (c.Method == "offline" || c.Method == "ips") {
		p.Bad("feedback switch has no meaning for logs that are fixed beforehand: use method online, ground or bandit")
	}
	return p
}
