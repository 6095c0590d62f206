package selfplay

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
)

// exam is where the examined games stand: the goals first, then the episodes of the target task.
type exam struct {
	Walk          rollout.Walk
	Alive         *Node // [n], 1 until the game is over
	Solved, Moves *Node // [n]
}

type nothing struct{}

// examiner lets Bob, as he acts in training, try every goal that can be reached, and the target task. Where the target task tells its goal, trying
// all of its goals is both.
type examiner struct {
	*pair
	goals, tasks int
	rows         []float32 // the games of the goals, [goals, columns]
	group        []int32   // which of them begin in the same place, [goals]
	places       int       // how many such groups
	begin        *loop.Func[seed, exam]
	attention    *loop.Func[minds, heed]
	loop         *loop.Loop[exam, minds, nothing]
}

func newExaminer(b *backend.Engine, p *pair) (*examiner, error) {
	from, to, err := p.game.pairs()
	if err != nil {
		return nil, err
	}
	x := &examiner{pair: p, goals: len(from), tasks: p.EvalEpisodes}
	phase := float32(phaseBob)
	if p.game.aim != nil {
		x.tasks, phase = 0, phaseTarget
	}
	seen := map[string]int32{}
	for k := range from {
		x.rows = append(append(append(append(x.rows, from[k]...), from[k]...), to[k]...), phase, 0, 0)
		where := fmt.Sprint(from[k][0]) // the first number of a state tells the starts apart, in every task
		if _, known := seen[where]; !known {
			seen[where] = int32(len(seen))
		}
		x.group = append(x.group, seen[where])
	}
	x.places = len(seen)
	x.begin, err = loop.NewFunc(b.Backend, "self-play: examination begins", func(in seed) exam {
		key := in.Key
		state := x.games(key.Graph())
		if x.tasks > 0 {
			all := *p.game
			all.target = 1
			var tasks *Node
			key, tasks = all.Reset(key, x.tasks)
			state = Concatenate([]*Node{state, tasks}, 0)
		}
		zero := ZerosLike(column(state, 0))
		return exam{rollout.Walk{Env: state, Key: key}, OnesLike(zero), zero, zero}
	})
	if err != nil {
		return nil, err
	}
	if x.attention, err = loop.NewFunc(b.Backend, "self-play: attention", x.heed); err != nil {
		return x, err
	}
	x.loop, err = loop.New(b.Backend, "self-play: examination", p.game.limit, x.step)
	return x, err
}

// games are the games of the goals, before the first move.
func (x *examiner) games(g *Graph) *Node { return Reshape(Const(g, x.rows), x.goals, x.game.columns()) }

// heed is how much Bob heeds the goal.
type heed struct{ Nats *Node }

// heed is the information that Bob's first move has about the goal, given where he stands, for goals drawn evenly: 0 if he goes the same way
// whatever he is told, ln 2 = 0.69 if of two moves he always makes the one that the goal asks for.
//
//	I(A; G | S) = E_S [ H(E_G pi(.|S, G)) - E_G H(pi(.|S, G)) ]
func (x *examiner) heed(m minds) heed {
	g := m.Bob.Graph()
	pi := x.policy(m, x.game.Observe(x.games(g)))
	member := OneHot(Const(g, x.group), x.places, dtypes.Float32) // [goals, places]
	size := ReduceSum(member, 0)
	mean := Div(MatMul(Transpose(member, 0, 1), Exp(pi.LogPi)), BroadcastToDims(ExpandAxes(size, -1), x.places, x.game.moves+1))
	entropy := Neg(ReduceSum(Mul(mean, Log(AddScalar(mean, 1e-12))), -1)) // [places]
	return heed{Sub(DivScalar(ReduceAllSum(Mul(size, entropy)), float64(x.goals)), ReduceAllMean(pi.Entropy()))}
}

// heeds calls it.
func (x *examiner) heeds(ctx context.Context, m loop.Values[minds]) (float64, error) {
	h, err := x.attention.Call(ctx, m)
	if err != nil {
		return 0, err
	}
	return float64(tensors.ToScalar[float32](h.Get("Nats"))), h.Close()
}

// step is one move of every game. What a game does after its end does not count.
func (x *examiner) step(_ *Node, s exam, m minds) (exam, nothing) {
	obs := x.game.Observe(s.Walk.Env)
	key, action := x.policy(m, obs).Sample(s.Walk.Key)
	key, next, out := x.game.play(key, s.Walk.Env, action)
	return exam{
		Walk:   rollout.Walk{Env: next, Key: key},
		Alive:  Mul(s.Alive, OneMinus(out.Over)),
		Solved: Add(s.Solved, Mul(s.Alive, Add(out.Solved, out.Reached))),
		Moves:  Add(s.Moves, s.Alive),
	}, nothing{}
}

func (x *examiner) close() {
	x.begin.Close()
	x.attention.Close()
	x.loop.Close()
}

// examine plays the games that stream is the seed of: 1 for each that was solved, and the moves it took.
func (x *examiner) examine(ctx context.Context, stream int64, m loop.Values[minds]) (solved, moves []float32, err error) {
	key, err := RNGStateFromSeed(stream)
	if err != nil {
		return nil, nil, fmt.Errorf("random state: %w", err)
	}
	in, err := loop.Pack[seed](key)
	if err != nil {
		return nil, nil, err
	}
	s, err := x.begin.Call(ctx, in)
	if err != nil {
		return nil, nil, err
	}
	s, _, err = x.loop.Run(ctx, 0, x.game.limit, s, m)
	if err != nil {
		return nil, nil, err
	}
	solved, moves = tensors.MustCopyFlatData[float32](s.Get("Solved")), tensors.MustCopyFlatData[float32](s.Get("Moves"))
	return solved, moves, errors.Join(s.Close(), in.Close())
}

// shares are those of goals and of target episodes that were solved.
func (x *examiner) shares(solved []float32) (goals, tasks float64) {
	goals = mean(solved[:x.goals])
	if x.tasks == 0 {
		return goals, goals
	}
	return goals, mean(solved[x.goals:])
}

func mean(xs []float32) float64 {
	var sum float64
	for _, x := range xs {
		sum += float64(x)
	}
	return sum / float64(max(len(xs), 1))
}

// look examines after iteration i, if it is time for that.
func (p *programs) look(ctx context.Context, i int, s loop.Values[state], log *rollout.Journal) error {
	var goals, tasks, heeds float64
	var weight float32
	if (i+1)%p.examEvery() == 0 {
		m, err := mindsIn(s)
		if err != nil {
			return err
		}
		solved, _, err := p.exam.examine(ctx, run.Stream(int64(i), "selfplay/exam"), m)
		if err != nil {
			return err
		}
		if heeds, err = p.exam.heeds(ctx, m); err != nil {
			return err
		}
		goals, tasks = p.exam.shares(solved)
		weight = 1
	}
	log.PutWeighted("exam/goals", float32(goals), weight)
	log.PutWeighted("exam/target", float32(tasks), weight)
	log.PutWeighted("exam/heed", float32(heeds), weight)
	return nil
}

// evaluate examines a state: the share of all reachable goals that Bob reaches, his success in the target task with the 95% interval of the share
// (normal), and the moves both took.
func (p *programs) evaluate(ctx context.Context, of int64, s loop.Values[state]) (map[string]float64, error) {
	m, err := mindsIn(s)
	if err != nil {
		return nil, err
	}
	solved, moves, err := p.exam.examine(ctx, run.Stream(of, run.StreamEval), m)
	if err != nil {
		return nil, err
	}
	goals, tasks := p.exam.shares(solved)
	n := p.exam.tasks
	if n == 0 {
		n = p.exam.goals
	}
	heeds, err := p.exam.heeds(ctx, m)
	if err != nil {
		return nil, err
	}
	half := 1.96 * math.Sqrt(tasks*(1-tasks)/float64(n))
	return map[string]float64{
		"eval/goals": goals, "eval/heed": heeds, "eval/goal_moves": mean(moves[:p.exam.goals]),
		"eval/success": tasks, "eval/success_lo": max(0, tasks-half), "eval/success_hi": min(1, tasks+half), "eval/moves": mean(moves[len(moves)-n:]),
	}, nil
}
