package env

import (
	"fmt"
	"strings"

	"github.com/rewardlab/rewardlab/rl/run"
)

// Entry is one environment of the table.
type Entry struct {
	Name  string
	About string // one line
	Make  func() Env
}

// All is the table of environments.
func All() []Entry {
	return []Entry{
		{"cartpole", "balance a pole on a cart (Gym's CartPole-v1)", func() Env { return CartPole(CartPoleConfig{}) }},
		{"cartpole-fixed", "CartPole of always 500 steps: reward 1 inside the bounds, else 0", func() Env { return CartPole(CartPoleConfig{Fixed: true}) }},
		{"pendulum", "swing up and hold a pole with a weak torque (Gym's Pendulum-v1)", func() Env { return Pendulum() }},
		{"mountaincar", "rock an underpowered car out of a valley (Gym's MountainCar-v0)", func() Env { return MountainCar() }},
		{"mountaincar-fixed", "MountainCar of always 200 steps: the goal holds the car", func() Env { return FixedHorizon(MountainCar(), 200) }},
		{"acrobot", "swing the tip of a two-link chain up (Gym's Acrobot-v1)", func() Env { return Acrobot() }},
		{"acrobot-fixed", "Acrobot of always 500 steps: success holds the chain", func() Env { return FixedHorizon(Acrobot(), 500) }},
		{"breakout", "bounce a ball off a paddle into bricks (MinAtar's Breakout)", func() Env { return Breakout(ArcadeConfig{}) }},
		{"freeway", "cross a road of eight lanes, again and again (MinAtar's Freeway)", func() Env { return Freeway(ArcadeConfig{}) }},
		{"asterix", "collect gold and avoid enemies that cross the field (MinAtar's Asterix)", func() Env { return Asterix(ArcadeConfig{}) }},
		{"seaquest", "shoot fish and submarines, rescue divers, come up for air (MinAtar's Seaquest)", func() Env { return Seaquest(ArcadeConfig{}) }},
		{"spaceinvaders", "shoot marching aliens before they land (MinAtar's Space Invaders)", func() Env { return SpaceInvaders(ArcadeConfig{}) }},
		{"gridworld", "walk a grid of 5 by 5 cells with a few walls to its far corner", func() Env { return mustGrid(GridConfig{}) }},
		{"keydoor", "fetch the key in one room, go through the door into the other", func() Env { return mustGrid(KeyDoor()) }},
		{"gridworld-fixed", "the grid world of always 50 steps: its goal holds the agent", func() Env { return FixedHorizon(mustGrid(GridConfig{}), 50) }},
		{"keydoor-fixed", "key and door, always 128 steps: the goal holds the agent", func() Env { return FixedHorizon(mustGrid(KeyDoor()), 128) }},
		{"fourrooms", "find one of four goals in Sutton's four rooms", func() Env { return mustGrid(FourRooms()) }},
		{"chain", "walk to the far end of a corridor, which alone pays", func() Env { return mustGrid(Chain()) }},
		{"tmaze", "walk up to a fork, where one arm pays 1 and the other -1", func() Env { return mustGrid(TMaze()) }},
		{"lightkey", "in the dark, open a gate by its lever and reach the goal behind it", func() Env { return mustGrid(LightKey()) }},
		{"hallway", "walk a corridor of 25 cells from one cell to another, both drawn evenly", func() Env { return Hallway() }},
		{"pointmass", "push a mass round a wall to a goal: reward minus the way left", func() Env { return PointMass(PointMassConfig{}) }},
		{"pointmass-left", "PointMass with the wall's gap on the other side", func() Env { return PointMass(PointMassConfig{Gap: GapLeft}) }},
		{"pointmass-open", "PointMass without the wall", func() Env { return PointMass(PointMassConfig{Gap: NoWall}) }},
		{"pointmass-sparse", "PointMass rewarded at the goal alone, where it ends", func() Env { return PointMass(PointMassConfig{Sparse: true}) }},
		{"reacher", "bring the tip of a planar two-link arm to a target", func() Env { return Reacher(ReacherConfig{}) }},
		{"pusher", "push a puck over a table to a goal", func() Env { return Pusher(PusherConfig{}) }},
		{"driving", "drive beside another car for 5 steps, rewarded by known features (Sadigh et al.)", func() Env { return Driving(DrivingConfig{}) }},
		{"driving-long", "Driving of 50 steps, with a car to overtake again and again", func() Env { return Driving(DrivingConfig{Long: true}) }},
	}
}

// Find makes the environment called name.
func Find(name string) (Env, error) {
	var names []string
	for _, e := range All() {
		if e.Name == name {
			return e.Make(), nil
		}
		names = append(names, e.Name)
	}
	hint := ""
	if near := run.Nearest(name, names); near != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", near)
	}
	return nil, fmt.Errorf("environment %q is not in the table%s: it has %s", name, hint, strings.Join(names, ", "))
}
