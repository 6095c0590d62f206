package igl

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

func config(t testing.TB, set ...string) *Config {
	t.Helper()
	return trainertest.Resolved(t, &Config{}, set...)
}

// plain images: image i of digit k is 4 pixels, all of value k.
func plain(perDigit int) Digits {
	var d Digits
	for k := range uint8(classes) {
		for range perDigit {
			d.Images = append(d.Images, k, k, k, k)
			d.Labels = append(d.Labels, k)
		}
	}
	return d
}

// play runs one batch of uniform play through the graph and returns actions, latent rewards and the digits of the answers.
func play(t *testing.T, e *backend.Engine, c *Config, d Digits, iteration int32) (action, label, answer []int32, reward []float32) {
	t.Helper()
	values, err := d.deck()
	if err != nil {
		t.Fatal(err)
	}
	defer values.Close()
	exec, err := NewExec(e.Backend, func(in []*Node) []*Node {
		d := deck{in[2], in[3], in[4], in[5], in[6], in[7]}
		key, context := d.contexts(in[0], 2000)
		label := d.label(context)
		action := ModScalar(Iota(key.Graph(), label.Shape(), 0), classes)
		reward := c.reward(action, label)
		_, answer := c.answer(d, key, in[1], action, reward)
		return []*Node{action, label, d.label(answer), reward}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	k, err := key(1, "test")
	if err != nil {
		t.Fatal(err)
	}
	in := []any{k, iteration}
	for _, v := range values.Tensors() {
		in = append(in, v)
	}
	out, err := exec.Call(in...)
	if err != nil {
		t.Fatal(err)
	}
	ints := func(x *tensors.Tensor) []int32 { return tensors.MustCopyFlatData[int32](x) }
	return ints(out[0]), ints(out[1]), ints(out[2]), tensors.MustCopyFlatData[float32](out[3])
}

func TestFeedback(t *testing.T) {
	tests := []struct {
		name      string
		set       []string
		iteration int32
		want      func(action int32, right bool) int32 // digit of the answer
	}{
		{"normal", nil, 0, func(_ int32, right bool) int32 { return bit(right) }},
		{"swapped", []string{"feedback=swapped"}, 0, func(_ int32, right bool) int32 { return bit(!right) }},
		{"switch, before", []string{"feedback=switch"}, 499, func(_ int32, right bool) int32 { return bit(right) }},
		{"switch, after", []string{"feedback=switch"}, 500, func(_ int32, right bool) int32 { return bit(!right) }},
		{"action", []string{"feedback=action", "method=offline"}, 0, func(a int32, right bool) int32 { return (a + 6*bit(right) - 3 + 10) % 10 }},
		{"random good", []string{"feedback=random-good"}, 0, func(_ int32, right bool) int32 { return bit(!right) }},
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				c := config(t, tt.set...)
				action, label, answer, reward := play(t, e, c, plain(3), tt.iteration)
				rights := 0
				for i := range action {
					right := action[i] == label[i]
					if right {
						rights++
					}
					if want := tt.want(action[i], right); answer[i] != want {
						t.Fatalf("action %d at digit %d is answered with a %d, want a %d", action[i], label[i], answer[i], want)
					}
					if good := right != (c.Feedback == "random-good"); (reward[i] == 1) != good {
						t.Fatalf("action %d at digit %d has reward %g", action[i], label[i], reward[i])
					}
				}
				if rights < 120 || rights > 280 {
					t.Errorf("%d of 2,000 uniform actions are right, want about 200", rights)
				}
			})
		}
	})
}

func bit(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

func TestNoiseFlipsItsShare(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		action, label, answer, _ := play(t, e, config(t, "noise=0.3"), plain(3), 0)
		flipped := 0
		for i := range action {
			if answer[i] != bit(action[i] == label[i]) {
				flipped++
			}
		}
		if f := float64(flipped) / float64(len(action)); math.Abs(f-0.3) > 0.05 {
			t.Errorf("%.3f of the answers are flipped, want 0.3", f)
		}
	})
}

// Every tenth round is held out and a batch never contains one: the two index formulas, checked for all positions.
func TestHeldOutRoundsNeverTrain(t *testing.T) {
	seen := map[int]bool{}
	for k := range 900 { // the training positions of 1,000 rounds
		j := k + k/(heldOut-1)
		if j%heldOut == heldOut-1 || j >= 1000 || seen[j] {
			t.Fatalf("position %d is round %d", k, j)
		}
		seen[j] = true
	}
	if len(seen) != 900 {
		t.Fatalf("%d rounds train, want 900", len(seen))
	}
}

func TestCheckReportsEverythingAtOnce(t *testing.T) {
	c := &Config{}
	if err := run.Resolve(c); err != nil {
		t.Fatal(err)
	}
	c.LR, c.Noise, c.Exploit, c.Decoder, c.Feedback = -1, 0.7, 1, "per-action", "switch"
	c.SwitchAt = 5000
	errs := c.Check()
	text := ""
	for _, err := range errs {
		text += err.Error() + "\n"
	}
	for _, want := range []string{"lr is -1", "noise is 0.7", "exploit is 1", "decoder per-action", "switch_at is 5000"} {
		if !strings.Contains(text, want) {
			t.Errorf("no complaint with %q in\n%s", want, text)
		}
	}
	if len(errs) != 5 {
		t.Errorf("%d complaints, want 5:\n%s", len(errs), text)
	}
}

func TestNewRefusesBadImages(t *testing.T) {
	e := backendtest.Go(t)
	good := plain(2)
	tests := []struct {
		name, want  string
		train, held Digits
	}{
		{"none", "no training images", Digits{}, good},
		{"ragged", "labels", Digits{good.Images[1:], good.Labels}, good},
		{"label out of range", "label 12", Digits{good.Images[:4], []uint8{12}}, good},
		{"a digit is missing", "no image of digit 1", Digits{good.Images[:8], good.Labels[:2]}, good},
		{"other size", "4 pixels", good, Digits{make([]uint8, 90), make([]uint8, 10)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(t.Context(), e, config(t), tt.train, tt.held)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// The dynamic programme against walking the grid.
func TestEvaluateGrid(t *testing.T) {
	c := config(t, "feedback=grid", "grid_side=4", "horizon=5")
	r := rand.New(rand.NewPCG(1, 1))
	logits := make([]float32, c.gridStates()*moves)
	for i := range logits {
		logits[i] = float32(r.NormFloat64())
	}
	next, cells := c.transitions(), c.GridSide*c.GridSide
	const walks = 40000
	var sampled, uniform float64
	for range walks {
		for _, random := range []bool{false, true} {
			k := r.IntN(corners)
			cell := r.IntN(cells)
			for cell == c.corner(k) {
				cell = r.IntN(cells)
			}
			for range c.Horizon {
				pi := [moves]float64{0.25, 0.25, 0.25, 0.25}
				if !random {
					s := k*cells + cell
					pi = softmax(logits[s*moves : (s+1)*moves])
				}
				u, a := r.Float64(), 0
				for a < moves-1 && u >= pi[a] {
					u -= pi[a]
					a++
				}
				cell = int(next[cell*moves+a])
				if cell == c.corner(k) {
					if random {
						uniform++
					} else {
						sampled++
					}
					break
				}
			}
		}
	}
	w := c.evaluateGrid(logits)
	if math.Abs(w.sampled-sampled/walks) > 0.01 || math.Abs(w.uniform-uniform/walks) > 0.01 {
		t.Errorf("success %.4f and %.4f by dynamic programming, %.4f and %.4f by walking", w.sampled, w.uniform, sampled/walks, uniform/walks)
	}
	if w.uniform >= 0.5 {
		t.Errorf("a random walk succeeds with %.2f: the anchor needs a base rate below one half", w.uniform)
	}
}

func TestTransitionsStopAtWalls(t *testing.T) {
	c := config(t, "feedback=grid", "grid_side=3")
	next := c.transitions()
	// Cells 0 1 2 / 3 4 5 / 6 7 8; moves up, down, left, right.
	for cell, want := range map[int][]int32{0: {0, 3, 0, 1}, 4: {1, 7, 3, 5}, 8: {5, 8, 7, 8}} {
		if got := next[cell*moves : (cell+1)*moves]; !slices.Equal(got, want) {
			t.Errorf("from cell %d to %v, want %v", cell, got, want)
		}
	}
	if len(c.startCells()) != corners*8 {
		t.Errorf("%d starts, want %d", len(c.startCells()), corners*8)
	}
}

// learn trains one seed on synthetic digits and returns the latent reward of the last tenth, and the examination.
func learn(t *testing.T, e *backend.Engine, set ...string) (float64, map[string]float64) {
	t.Helper()
	d := synthetic(t)
	w, err := New(t.Context(), e, config(t, set...), Digits{d.Train.Images, d.Train.Labels}, Digits{d.Held.Images, d.Held.Labels})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r := trainertest.Train(t, w, 1)
	last := r.Rows[len(r.Rows)-max(1, len(r.Rows)/10):]
	var sum float64
	for _, row := range last {
		sum += row.Values["reward/true"] / float64(len(last))
	}
	return sum, r.Eval
}

func synthetic(t *testing.T) *datasets.Digits {
	t.Helper()
	d, err := datasets.Open(t.Context(), "synthetic", datasets.Options{Train: 3000, Held: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Each method must learn, and each known failure must fail: bounds that a broken sign or a missing term misses.
func TestLearning(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a dozen learners")
	}
	tests := []struct {
		name     string
		set      string
		lo, hi   float64
		heldOut  bool // judge the held-out number in place of the training reward
		everyone bool // on both engines
	}{
		{"online", "iterations=1000", 0.70, 1, false, true},
		{"bandit", "method=bandit iterations=1000", 0.70, 1, false, false},
		{"swapped", "feedback=swapped iterations=1000", 0.70, 1, false, false},
		{"switch", "feedback=switch iterations=1200 switch_at=400", 0.65, 1, false, false},
		{"random is good, unknown to the learner", "feedback=random-good iterations=1000", 0, 0.5, false, false},
		{"random is good, one bit", "feedback=random-good random_is_good=true iterations=1000", 0.97, 1, false, false},
		{"grid", "feedback=grid lr=2e-2 iterations=1000", 0.85, 1, true, false},
		{"conv", "method=offline policy=conv decoder=conv decoder_lr=1e-3 iterations=400 logs=20000 batch=64", 0.6, 1, true, false},
		{"mlp", "policy=mlp decoder=mlp decoder_lr=1e-3 iterations=1000", 0.7, 1, true, false},
		{"explore to ground", "method=ground iterations=1200 logs=40000 batch=128", 0.70, 1, false, false},
		{"offline", "method=offline iterations=1200 logs=20000 batch=128", 0.7, 1, true, false},
		{"offline, swapped", "method=offline feedback=swapped iterations=1200 logs=20000 batch=128", 0.7, 1, true, false},
		{"action-inclusive", "method=offline feedback=action decoder=per-action iterations=1800 logs=40000 batch=128", 0.6, 1, true, false},
		{"action-inclusive, plain decoder", "method=offline feedback=action iterations=1200 logs=20000 batch=128", 0, 0.2, true, false},
		{"supervised", "method=supervised iterations=600 logs=20000 batch=128", 0.75, 1, true, false},
		{"ips", "method=ips iterations=1200 logs=20000 batch=128", 0.7, 1, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check := func(t *testing.T, e *backend.Engine) {
				score, eval := learn(t, e, strings.Fields(tt.set)...)
				if tt.heldOut {
					score = eval["heldout/sampled"]
				}
				t.Logf("%.3f %v", score, eval)
				if score < tt.lo || score > tt.hi {
					t.Errorf("score %.3f, want %.2f to %.2f", score, tt.lo, tt.hi)
				}
			}
			if tt.everyone {
				backendtest.Each(t, check)
				return
			}
			check(t, backendtest.XLA(t))
		})
	}
}

func TestWeights(t *testing.T) {
	for _, set := range []string{"method=online iterations=50", "method=offline iterations=50 logs=500", "method=offline decoder=per-action iterations=50 logs=500"} {
		c := config(t, strings.Fields(set)...)
		d := synthetic(t)
		w, err := New(t.Context(), backendtest.Go(t), c, Digits{d.Train.Images, d.Train.Labels}, Digits{d.Held.Images, d.Held.Labels})
		if err != nil {
			t.Fatal(err)
		}
		tr, err := w.Trainer(t.Context(), 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tr.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		state, err := tr.State()
		if err != nil {
			t.Fatal(err)
		}
		weights, err := WeightsOf(c, state)
		if err != nil {
			t.Fatal(err)
		}
		decoders := 1
		if c.Decoder == "per-action" {
			decoders = classes
		}
		if len(weights.Policy) != classes || len(weights.Policy[0]) != 784 || len(weights.PolicyBias) != classes || len(weights.Decoder) != decoders || len(weights.Decoder[0]) != 784 {
			t.Fatalf("%s: shapes are wrong", set)
		}
		// The host's guesses must be the graph's: the examination's greedy accuracy.
		eval, err := tr.Evaluate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		right := 0
		for i := range d.Held.Labels {
			if weights.Guess(d.Held.Image(i)) == int(d.Held.Labels[i]) {
				right++
			}
		}
		if got := float64(right) / float64(len(d.Held.Labels)); math.Abs(got-eval["heldout/greedy"]) > 0.002 {
			t.Errorf("%s: %.4f of the host's guesses are right, %.4f of the graph's", set, got, eval["heldout/greedy"])
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := WeightsOf(config(t, "policy=mlp"), nil); err == nil {
		t.Error("an mlp has no weights in the shape of an image, but some were returned")
	}
}

// The challenger that reground makes is the mirror of the incumbent: its decoder says 1 - psi of every answer.
func TestRegroundMirrorsTheDecoder(t *testing.T) {
	c := config(t, "method=offline", "logs=100")
	p := newProblem(c, 4)
	start, err := p.loggedStart(1)
	if err != nil {
		t.Fatal(err)
	}
	n := len(loop.Names[loggedState]())
	exec, err := NewExec(backendtest.Go(t).Backend, func(in []*Node) []*Node {
		s := loggedState{
			Incumbent:  candidateOf(in[1:]),
			Challenger: candidateOf(in[7:]),
			Fresh:      in[n-1], Key: in[n],
		}
		s = p.reground(in[0], s)
		x := Const(in[0].Graph(), [][]float32{{0.1, -0.2, 0.3, 0.4}, {1, 2, -3, 4}})
		psi := func(theta *Node) *Node { return Sigmoid(p.decoder.Apply(p.pack.Split(theta)[1], x)) }
		return []*Node{Add(psi(s.Incumbent.Theta), psi(s.Challenger.Theta)), p.pack.Part(s.Challenger.Theta, 0), p.pack.Part(s.Fresh, 0), ConvertDType(s.Challenger.Adam.T, dtypes.Float32)}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		iteration int32
		mirrored  bool
	}{{127, false}, {128, true}, {129, false}, {64, false}, {256, true}} {
		in := []any{tt.iteration}
		for name, x := range start.All() {
			if strings.HasPrefix(name, "Incumbent.Theta") { // something learned, so that it is not the mirror already
				x = tensors.FromValue(p.pack.Init(99))
			}
			in = append(in, x)
		}
		out, err := exec.Call(in...)
		if err != nil {
			t.Fatal(err)
		}
		sums := tensors.MustCopyFlatData[float32](out[0])
		mirror := math.Abs(float64(sums[0])-1) < 1e-6 && math.Abs(float64(sums[1])-1) < 1e-6
		if mirror != tt.mirrored {
			t.Errorf("iteration %d: decoders sum to %v, mirrored %v, want %v", tt.iteration, sums, mirror, tt.mirrored)
		}
		if tt.mirrored && !slices.Equal(tensors.MustCopyFlatData[float32](out[1]), tensors.MustCopyFlatData[float32](out[2])) {
			t.Errorf("iteration %d: the challenger's policy is not a fresh one", tt.iteration)
		}
	}
}

func candidateOf(in []*Node) candidate {
	c := candidate{Theta: in[0], Value: in[4], Base: in[5]}
	c.Adam.M, c.Adam.V, c.Adam.T = in[1], in[2], in[3]
	return c
}
