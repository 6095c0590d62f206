package selfplay

import (
	"cmp"
	"image"
	"image/color"
	"image/draw"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/ops"
)

// The phases of an episode. Self-play goes from Alice to Bob; an episode of the target task has one phase.
const (
	phaseAlice = iota
	phaseBob
	phaseTarget
)

// game is asymmetric self-play in one body, as an environment: who moves is a column of its state, so that one loop plays everything.
//
// Its state is that of the body (now), the one it began the episode in (origin) and the one Bob is to reach (goal), then the phase, the moves of the
// episode and those of them that Alice made. Its actions are the body's, and one more, with which Alice stops.
type game struct {
	*task
	limit, most   int     // moves of an episode, and of Alice
	scale, target float64 // of rewards; share of target episodes
	reverse       bool
	width         int // of the body's state
}

func newGame(t *task, c *Config) *game {
	g := &game{task: t, target: c.target(), reverse: c.Mode == "reverse", width: t.body.Spec().State}
	g.limit = cmp.Or(c.Limit, t.limit)
	g.most = cmp.Or(c.AliceMoves, max(1, g.limit*2/3))
	g.scale = cmp.Or(c.Scale, 1/float64(g.limit))
	return g
}

// Spec describes the game as an environment. Its observations are what the minds see.
func (g *game) Spec() env.Spec {
	return env.Spec{
		Name: g.body.Spec().Name + "-selfplay", Obs: []int{g.sees()}, State: g.columns(), Action: env.Action{N: g.moves + 1},
	}
}

func (g *game) columns() int { return 3*g.width + 3 }

// sees is how many numbers a mind sees: the body, the goal, whether it is the target task, and the time.
func (g *game) sees() int { return g.looks + g.goals + 2 }

// scene is a state, taken apart.
type scene struct{ now, origin, goal, phase, time, alice *Node }

func (g *game) split(state *Node) scene {
	w := g.width
	return scene{columns(state, 0, w), columns(state, w, 2*w), columns(state, 2*w, 3*w), column(state, 3*w), column(state, 3*w+1), column(state, 3*w+2)}
}

func (s scene) join() *Node {
	return Concatenate([]*Node{s.now, s.origin, s.goal, ExpandAxes(s.phase, -1), ExpandAxes(s.time, -1), ExpandAxes(s.alice, -1)}, 1)
}

func (s scene) is(phase float64) *Node { return Equal(s.phase, like(s.phase, phase)) }

// Reset begins n episodes: target tasks by chance, else with Alice.
func (g *game) Reset(key *Node, n int) (newKey, state *Node) {
	key, s := g.body.Reset(key, n)
	key, u := ops.Uniform(key, n)
	task := LessThan(u, like(u, g.target))
	zero := like(u, 0)
	free := s
	if g.free != nil {
		free = g.free(s)
	}
	goal := ZerosLike(s)
	if g.aim != nil {
		goal = pick(task, g.aim(s), goal)
	}
	now := pick(task, s, free)
	return key, scene{now, now, goal, Where(task, like(u, phaseTarget), zero), zero, zero}.join()
}

// Observe is what the mind whose turn it is sees, [n, sees]: the body; for Alice where she began, for Bob where he is to go, or zeros where the
// target task leaves that to be found out; 1 in the target task and -1 in self-play, for Alice 0; and the time, as a share of the limit.
func (g *game) Observe(state *Node) *Node {
	s := g.split(state)
	target := s.is(phaseTarget)
	toward := g.show(pick(s.is(phaseAlice), s.origin, s.goal))
	if g.aim == nil {
		toward = pick(target, ZerosLike(toward), toward)
	}
	flag := Where(target, like(s.time, 1), Where(s.is(phaseAlice), ZerosLike(s.time), like(s.time, -1)))
	return Concatenate([]*Node{g.look(s.now), toward, ExpandAxes(flag, -1), ExpandAxes(MulScalar(s.time, 1/float64(g.limit)), -1)}, 1)
}

// alices says of observations [n, sees] which are Alice's.
func (g *game) alices(obs *Node) *Node {
	flag := column(obs, g.looks+g.goals)
	return Equal(flag, ZerosLike(flag))
}

// turn is what one step of n games brought. Everything is [n] float32, 1 for yes.
type turn struct {
	Alice  *Node // it was Alice's
	Reward *Node // of the mind that moved. Alice's comes as Prize
	End    *Node // the phase is over: what follows is not this mind's doing
	Over   *Node // the episode is over
	Prize  *Node // when an episode of self-play is over: what Alice earned in it

	Task, Solved   *Node // a target episode is over; with success
	Set, Moves     *Node // Alice's phase is over; her moves in it
	Tried, Reached *Node // Bob's phase is over; with success
	Bin            *Node // int32: the goal, as a cell of the task's map
}

// Payoff is what Alice earns with a task that took her t_A moves (hers), after Bob has made so many (spent) and reached the goal or not; and t_B
// (his), which Bob loses:
//
//	R_A = scale max(0, t_B - t_A)      R_B = -scale t_B      t_B = limit - t_A where he fails
func Payoff(hers, spent, reached *Node, limit int, scale float64) (prize, his *Node) {
	his = Where(reached, spent, Sub(like(hers, float64(limit)), hers))
	return MulScalar(MaxScalar(Sub(his, hers), 0), scale), his
}

// play is one step. Times count moves; stopping is none. Where Alice stops in a place that is the goal already, the episode is over, with t_B = 0.
func (g *game) play(key, state, action *Node) (newKey, next *Node, out turn) {
	s := g.split(state)
	alice, bob, target := s.is(phaseAlice), s.is(phaseBob), s.is(phaseTarget)
	stop := And(alice, Equal(action, like(action, float64(g.moves))))
	choice := Min(action, like(action, float64(g.moves-1)))
	if g.act != nil {
		choice = g.act(choice)
	}
	key, now, _, ended := g.body.Step(key, s.now, choice)
	now, ended = pick(stop, s.now, now), And(ended, Not(stop))
	moved := float(Not(stop))
	time, hers := Add(s.time, moved), Add(s.alice, Mul(moved, float(alice)))
	late := atLeast(time, float64(g.limit))

	// from Alice to Bob
	set := And(alice, Or(Or(stop, ended), atLeast(hers, float64(g.most))))
	begin, goal := s.origin, now
	if g.reverse {
		begin, goal = now, s.origin
	}
	goal = pick(set, goal, s.goal)
	begin = pick(set, begin, now)
	trivial := And(set, g.there(begin, goal))

	// Bob
	reached := And(bob, g.there(now, s.goal))
	tried := And(bob, Or(reached, Or(late, ended)))
	spent := Sub(time, s.alice)
	prize, his := Payoff(s.alice, spent, reached, g.limit, g.scale)
	task := And(target, Or(ended, late))
	over := Or(trivial, Or(tried, task))

	zero := like(time, 0)
	cost := MulScalar(Where(tried, AddScalar(Sub(his, spent), 1), like(time, 1)), -g.scale) // a world that ended early costs what was left
	out = turn{
		Alice:  float(alice),
		Reward: Where(bob, cost, Where(target, float(ended), zero)),
		End:    float(Or(set, over)),
		Over:   float(over),
		Prize:  Where(tried, prize, zero),
		Task:   float(task), Solved: float(And(task, ended)),
		Set: float(set), Moves: Where(set, hers, zero),
		Tried: float(tried), Reached: float(reached),
		Bin: g.bin(goal),
	}
	phase := Where(set, like(s.phase, phaseBob), s.phase)
	return key, scene{begin, s.origin, goal, phase, time, hers}.join(), out
}

// Step is play for those who want no more than an environment: what moves is rewarded at once, and Alice at the end of Bob's phase.
func (g *game) Step(key, state, action *Node) (newKey, next, reward, terminated *Node) {
	key, next, out := g.play(key, state, action)
	return key, next, Add(out.Reward, out.Prize), Equal(out.Over, like(out.Over, 1))
}

// Frame draws the body, beside it the state that Bob is to reach, or in Alice's turn where she began; the edge tells whose turn it is: violet for
// Alice, orange for Bob in self-play, grey for the target task.
func (g *game) Frame(state []float32) image.Image {
	r, ok := g.body.(env.Renderer)
	if !ok {
		return nil
	}
	w := g.width
	second := state[2*w : 3*w]
	edge := color.RGBA{170, 174, 180, 255}
	switch phase := state[3*w]; {
	case phase == phaseAlice:
		second, edge = state[w:2*w], color.RGBA{128, 88, 160, 255}
	case phase == phaseBob:
		edge = color.RGBA{221, 132, 40, 255}
	case g.aim == nil:
		second = state[w : 2*w] // the target task shows no goal: where it began
	}
	a, b := r.Frame(state[:w]), r.Frame(second)
	if a == nil || b == nil {
		return nil
	}
	const rim = 6
	size := a.Bounds().Size()
	x, y := size.X+rim, 0
	if size.X > 2*size.Y { // long ones go below each other
		x, y = 0, size.Y+rim
	}
	img := image.NewRGBA(image.Rect(0, 0, size.X+x+2*rim, size.Y+y+2*rim))
	draw.Draw(img, img.Bounds(), image.NewUniform(edge), image.Point{}, draw.Src)
	draw.Draw(img, image.Rectangle{Max: size}.Add(image.Pt(rim, rim)), a, a.Bounds().Min, draw.Src)
	draw.Draw(img, image.Rectangle{Max: size}.Add(image.Pt(rim+x, rim+y)), b, b.Bounds().Min, draw.Src)
	return img
}

func column(s *Node, i int) *Node { return Squeeze(SliceAxis(s, 1, AxisRange(i, i+1)), 1) }

func columns(s *Node, from, to int) *Node { return SliceAxis(s, 1, AxisRange(from, to)) }

// like is x's shape filled with v.
func like(x *Node, v float64) *Node {
	return BroadcastToDims(ConstAsDType(x.Graph(), x.DType(), v), x.Shape().Dimensions...)
}

// pick takes rows of a where cond [n] holds, else of b.
func pick(cond, a, b *Node) *Node {
	return Where(BroadcastToShape(ExpandAxes(cond, -1), a.Shape()), a, b)
}

func float(x *Node) *Node { return ConvertDType(x, dtypes.Float32) }

func atLeast(x *Node, v float64) *Node { return GreaterOrEqual(x, like(x, v)) }
