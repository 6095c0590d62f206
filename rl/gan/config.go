package gan

import (
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// Config says what to learn to generate. A zero field means its default.
type Config struct {
	// What the samples are of. ring: eight normal blobs on the unit circle; grid: twenty-five on a square; digits: images.
	Data string `json:"data" default:"ring" enum:"ring|grid|digits"`
	// The images of digits: mnist, fashion, synthetic, or folder:PATH.
	Dataset string `json:"dataset" default:"mnist"`
	// Images to learn from. 0: all.
	Images int `json:"images"`
	// Standard deviation of a blob.
	Spread float64 `json:"spread" default:"0.05"`

	// Rounds of the game: one step of the discriminator, one of the generator.
	Iterations int `json:"iterations" default:"5000"`
	// Samples of the data, and of the generator, in each.
	Batch int `json:"batch" default:"128"`
	// Numbers of noise that the generator makes a sample of.
	Noise int `json:"noise" default:"16"`
	// Widths of the hidden layers of both nets.
	Hidden []int `json:"hidden" default:"64,64"`
	// Step size of the generator's Adam.
	LR float64 `json:"lr" default:"1e-3"`
	// Step size of the discriminator's.
	DiscriminatorLR float64 `json:"discriminator_lr" default:"1e-3"`
	// Decay of Adam's first moment: 0.9 remembers a game that has moved on.
	Beta1 float64 `json:"beta1" default:"0.5"`
	// Weight of half the squared length of the discriminator's gradient where the data is (R1: Mescheder et al. 2018).
	Penalty float64 `json:"penalty" default:"0.1"`
	// Leave the penalty out.
	Bare bool `json:"bare"`
	// Let the generator descend log(1 - D), the two players' common stake, in place of -log D. Its slope vanishes where D is sure.
	Saturating bool `json:"saturating"`
	// Decay of the running mean of the generator's parameters, from which samples are drawn.
	Average float64 `json:"average" default:"0.99"`

	// Minibatches that the classifier learns from by which generated digits are judged.
	Lessons int `json:"lessons" default:"1500"`
	// Samples on each page of the album.
	Samples int `json:"samples" default:"64"`
	// Samples of the evaluation.
	EvalSamples int `json:"eval_samples" default:"2000"`
	// Rounds that one row of metrics.jsonl averages over. 0: so many that there are about 200 rows.
	LogEvery int `json:"log_every"`
}

// Pages is how many pages the album has: one at the beginning, one after each tenth of the training.
const Pages = 11

// Check returns everything that is wrong with a resolved c.
func (c *Config) Check() []error {
	var p run.Problems
	p.AtLeast("images", c.Images, 0)
	p.AtLeast("iterations", c.Iterations, Pages-1)
	p.AtLeast("batch", c.Batch, 1)
	p.AtLeast("noise", c.Noise, 1)
	p.AtLeast("samples", c.Samples, 1)
	p.AtLeast("lessons", c.Lessons, 1)
	p.AtLeast("eval_samples", c.EvalSamples, 10)
	p.AtLeast("log_every", c.LogEvery, 0)
	p.Layers("hidden", c.Hidden)
	if !(c.LR > 0 && c.DiscriminatorLR > 0 && c.Spread > 0) {
		p.Bad("lr is %g, discriminator_lr %g, spread %g: give positive numbers", c.LR, c.DiscriminatorLR, c.Spread)
	}
	if !(c.Beta1 > 0 && c.Beta1 < 1 && c.Average > 0 && c.Average < 1) {
		p.Bad("beta1 is %g and average %g: give decays between 0 and 1", c.Beta1, c.Average)
	}
	if c.Penalty < 0 {
		p.Bad("penalty is %g: give a positive weight, or bare=true", c.Penalty)
	}
	if len(p) == 0 && c.every() > c.Iterations/(Pages-1) {
		p.Bad("log_every is %d: give at most a tenth of the %d iterations", c.LogEvery, c.Iterations)
	}
	return p
}

// every is how many rounds one row averages over.
func (c *Config) every() int { return trainer.Every(c.LogEvery, c.Iterations, 200) }

// chunk is a tenth of the training, in whole rows.
func (c *Config) chunk() int { return c.Iterations / (Pages - 1) / c.every() * c.every() }
