package env

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
)

// pointMassReference has its wall from -1 to 0.5 for side 1, from -0.5 to 1 for side -1, and none for 0.
func pointMassReference(side float64, random, sparse bool) reference {
	walled := func(x float64) bool { return side != 0 && x*side < 0.5 }
	way := func(p, goal [2]float64) float64 {
		straight := math.Hypot(goal[0]-p[0], goal[1]-p[1])
		if side == 0 || p[1] >= 0 {
			return straight
		}
		t := -p[1] / (goal[1] - p[1])
		cut := p[0] + t*(goal[0]-p[0])
		if !walled(cut) {
			return straight
		}
		return math.Hypot(side*0.5-p[0], p[1]) + math.Hypot(goal[0]-side*0.5, goal[1])
	}
	return reference{
		reset: func(u []float64) []float64 {
			if random {
				return []float64{-0.9 + 1.8*u[0], -0.9 + 0.6*u[1], 0, 0, -0.9 + 1.8*u[2], 0.3 + 0.6*u[3]}
			}
			return []float64{-0.1 + 0.2*u[0], -0.8 + 0.2*u[1], 0, 0, 0, 0.7}
		},
		step: func(_, s, a []float64) move {
			x, y := s[0], s[1]
			vx, vy := 0.75*s[2]+0.25*a[0], 0.75*s[3]+0.25*a[1]
			tx, ty := x+0.1*vx, y+0.1*vy
			nx, ny := clamp(tx, -1, 1), clamp(ty, -1, 1)
			m := move{}
			if math.Abs(y) < 0.0625 && walled(nx) {
				nx = side * 0.5
			}
			if walled(nx) {
				if y >= 0.0625 && ny < 0.0625 {
					ny = 0.0625
				}
				if y <= -0.0625 && ny > -0.0625 {
					ny = -0.0625
				}
			}
			if nx != tx {
				vx = 0
			}
			if ny != ty {
				vy = 0
			}
			m.next = []float64{nx, ny, vx, vy, s[4], s[5]}
			goal := [2]float64{s[4], s[5]}
			if sparse {
				distance := math.Hypot(goal[0]-nx, goal[1]-ny)
				m.terminated = distance < 0.1
				m.reward, m.close = bit(m.terminated), near(distance, 0.1)
				return m
			}
			m.reward = -way([2]float64{nx, ny}, goal)
			return m
		},
		observe: itself,
		anywhere: func(r *rand.Rand) []float64 {
			s := uniform(r, -1, 1, -1, 1, -1, 1, -1, 1, -0.9, 0.9, 0.3, 0.9)
			if r.IntN(2) == 0 {
				s[1] = uniform(r, -0.16, 0.16)[0] // at the wall
			}
			if walled(s[0]) && math.Abs(s[1]) < 0.0625 {
				s[1] = math.Copysign(0.0625, s[1]) // not inside it
			}
			if r.IntN(10) == 0 {
				s[0], s[1] = s[4]+uniform(r, -0.1, 0.1)[0], s[5]+uniform(r, -0.1, 0.1)[0]
			}
			return s
		},
		tolerance: 1e-5,
	}
}

func reacherReference(sparse bool) reference {
	const l, m = 0.5, 1.0
	// The equations of motion, link by link: each rod's inertia about its centre is m l^2/12, half-way along it.
	flow := func(y [4]float64, torque [2]float64) [4]float64 {
		const inertia, half = m * l * l / 12, l / 2
		sin, cos := math.Sincos(y[1])
		m11 := 2*inertia + m*half*half + m*(l*l+half*half+2*l*half*cos)
		m12 := inertia + m*(half*half+l*half*cos)
		m22 := inertia + m*half*half
		h := m * l * half * sin
		f1 := torque[0] - 0.2*y[2] + h*(2*y[2]*y[3]+y[3]*y[3])
		f2 := torque[1] - 0.05*y[3] - h*y[2]*y[2]
		det := m11*m22 - m12*m12
		return [4]float64{y[2], y[3], (m22*f1 - m12*f2) / det, (m11*f2 - m12*f1) / det}
	}
	shift := func(y, k [4]float64, h float64) [4]float64 {
		for i := range y {
			y[i] += h * k[i]
		}
		return y
	}
	miss := func(s []float64) (dx, dy float64) {
		return s[4] - l*math.Cos(s[0]) - l*math.Cos(s[0]+s[1]), s[5] - l*math.Sin(s[0]) - l*math.Sin(s[0]+s[1])
	}
	return reference{
		reset: func(u []float64) []float64 {
			radius, angle := 0.9*math.Sqrt(u[3]), 2*math.Pi*u[2]-math.Pi
			return []float64{2*math.Pi*u[0] - math.Pi, 2*math.Pi*u[1] - math.Pi, 0, 0, radius * math.Cos(angle), radius * math.Sin(angle)}
		},
		step: func(_, s, a []float64) move {
			y, torque := [4]float64(s[:4]), [2]float64{2 * a[0], 0.5 * a[1]}
			k1 := flow(y, torque)
			k2 := flow(shift(y, k1, 0.025), torque)
			k3 := flow(shift(y, k2, 0.025), torque)
			k4 := flow(shift(y, k3, 0.05), torque)
			for i := range y {
				y[i] += 0.05 / 6 * (k1[i] + 2*k2[i] + 2*k3[i] + k4[i])
			}
			next := []float64{y[0], y[1], clamp(y[2], -10, 10), clamp(y[3], -10, 10), s[4], s[5]}
			dx, dy := miss(next)
			distance := math.Hypot(dx, dy)
			if sparse {
				return move{next: next, reward: bit(distance < 0.1), close: near(distance, 0.1)}
			}
			return move{next: next, reward: -distance - 0.01*(a[0]*a[0]+a[1]*a[1])}
		},
		observe: func(s []float64) []float64 {
			dx, dy := miss(s)
			return []float64{math.Cos(s[0]), math.Sin(s[0]), math.Cos(s[1]), math.Sin(s[1]), s[2], s[3], s[4], s[5], dx, dy}
		},
		anywhere: func(r *rand.Rand) []float64 {
			return uniform(r, -4, 4, -4, 4, -10, 10, -10, 10, -0.6, 0.6, -0.6, 0.6)
		},
		tolerance: 3e-5,
	}
}

func pusherReference(sparse bool) reference {
	return reference{
		reset: func(u []float64) []float64 {
			px, py := u[0]-0.5, u[1]-0.5
			angle, away := 2*math.Pi*u[4]-math.Pi, 0.25+0.25*u[5]
			return []float64{px + away*math.Cos(angle), py + away*math.Sin(angle), px, py, 1.2*u[2] - 0.6, 1.2*u[3] - 0.6}
		},
		step: func(_, s, a []float64) move {
			hx, hy := clamp(s[0]+0.08*a[0], -1, 1), clamp(s[1]+0.08*a[1], -1, 1)
			px, py := s[2], s[3]
			if d := math.Hypot(px-hx, py-hy); d < 0.2 {
				px, py = hx+0.2*(px-hx)/d, hy+0.2*(py-hy)/d
			}
			backX, backY := px-clamp(px, -0.75, 0.75), py-clamp(py, -0.75, 0.75)
			next := []float64{hx - backX, hy - backY, px - backX, py - backY, s[4], s[5]}
			left := math.Hypot(next[2]-s[4], next[3]-s[5])
			if sparse {
				return move{next: next, reward: bit(left < 0.1), close: near(left, 0.1)}
			}
			return move{next: next, reward: -left - 0.1*math.Hypot(next[2]-next[0], next[3]-next[1])}
		},
		observe: func(s []float64) []float64 {
			return []float64{s[0], s[1], s[2], s[3], s[4], s[5], s[2] - s[0], s[3] - s[1], s[4] - s[2], s[5] - s[3]}
		},
		anywhere: func(r *rand.Rand) []float64 {
			s := uniform(r, -1, 1, -1, 1, -0.75, 0.75, -0.75, 0.75, -0.6, 0.6, -0.6, 0.6)
			if angle := r.Float64() * 2 * math.Pi; r.IntN(2) == 0 || math.Hypot(s[0]-s[2], s[1]-s[3]) < 0.2 {
				s[0], s[1] = s[2]+0.21*math.Cos(angle), s[3]+0.21*math.Sin(angle) // about to touch
			}
			return s
		},
		tolerance: 1e-5,
	}
}

// drivingFeatures are the five of one moment.
func drivingFeatures(car, other []float64) [5]float64 {
	bump := func(line float64) float64 {
		d, width := car[0]-line, 0.5*0.13/2
		return math.Exp(-d * d / (2 * width * width))
	}
	// The driver's place in the frame of the other car, by turning it back.
	sin, cos := math.Sincos(-other[2])
	dx, dy := car[0]-other[0], car[1]-other[1]
	along, across := dx*cos-dy*sin, dx*sin+dy*cos
	return [5]float64{
		bump(-0.13) + bump(0) + bump(0.13), bump(-0.26) + bump(0.26), math.Cos(car[2] - math.Pi/2),
		math.Exp(-0.5 * (along*along/0.0049 + across*across/0.0009)), (car[3] - 1) * (car[3] - 1),
	}
}

func driveOne(car []float64, steer, push float64) []float64 {
	sin, cos := math.Sincos(car[2])
	return []float64{car[0] + 0.2*car[3]*cos, car[1] + 0.2*car[3]*sin, car[2] + 0.2*car[3]*steer, car[3] + 0.2*(push-car[3])}
}

func drivingReference(long bool) reference {
	return reference{
		reset: func(u []float64) []float64 {
			lane := []float64{-0.13, 0, 0.13}[int(u[4]*3)]
			return []float64{-0.15 + 0.3*u[0], -0.1 + 0.3*u[1], math.Pi * (0.4 + 0.2*u[2]), u[3], lane, 0.4 + 0.6*u[5], math.Pi / 2, 0.3 + 0.3*u[6]}
		},
		step: func(_, s, a []float64) move {
			car, other := driveOne(s[:4], 2*a[0], a[1]), driveOne(s[4:], 0, s[7])
			m := move{}
			if long {
				lead := car[1] - other[1]
				if lead > 0.6 {
					other[1] = car[1] + 1.2
				}
			}
			for k, w := range []float64{0.164, -0.098, 0.872, -0.436, -0.115} {
				m.reward += w * drivingFeatures(car, other)[k]
			}
			m.next = append(car, other...)
			return m
		},
		observe: func(s []float64) []float64 {
			return []float64{s[0], math.Cos(s[2]), math.Sin(s[2]), s[3], s[4] - s[0], s[5] - s[1], math.Cos(s[6]), math.Sin(s[6]), s[7]}
		},
		anywhere: func(r *rand.Rand) []float64 {
			s := uniform(r, -0.4, 0.4, -2, 2, 0, math.Pi, -0.2, 1, -0.4, 0.4, -2, 2, 0, math.Pi, -0.2, 1)
			if r.IntN(2) == 0 {
				s[0], s[1] = s[4]+uniform(r, -0.1, 0.1)[0], s[5]+uniform(r, -0.1, 0.1)[0]
			}
			return s
		},
		tolerance: 2e-5,
	}
}

// The variants that have no line in the table.
func TestVariantsAgainstReferences(t *testing.T) {
	tests := []struct {
		env Env
		ref reference
	}{
		{PointMass(PointMassConfig{Gap: NoWall, Random: true, Sparse: true}), pointMassReference(0, true, true)},
		{PointMass(PointMassConfig{Gap: GapLeft, Random: true}), pointMassReference(-1, true, false)},
		{Reacher(ReacherConfig{Sparse: true}), reacherReference(true)},
		{Pusher(PusherConfig{Sparse: true}), pusherReference(true)},
	}
	for _, tt := range tests {
		t.Run(tt.env.Spec().Name, func(t *testing.T) {
			backendtest.Each(t, func(t *testing.T, e *backend.Engine) { compare(t, e, tt.env, tt.ref) })
		})
	}
}

// Without torque and damping an arm keeps its energy; the one here loses only what damping takes.
func TestReacherLosesOnlyWhatDampingTakes(t *testing.T) {
	e := backendtest.Go(t)
	sim := Reacher(ReacherConfig{})
	step, err := NewExec(e.Backend, func(s *Node) *Node {
		next, _, _ := sim.rules.Step(nil, s, zeros(s.Graph(), 1, 2))
		return next
	})
	if err != nil {
		t.Fatal(err)
	}
	defer step.Finalize()
	energy := func(s []float32) float64 {
		w1, w2 := float64(s[2]), float64(s[3])
		cos := math.Cos(float64(s[1]))
		return 0.5*(5.0/12+0.25*cos)*w1*w1 + (1.0/12+0.125*cos)*w1*w2 + 0.5/12*w2*w2
	}
	s := [][]float32{{0.3, 1.1, 3, -4, 0, 0}}
	lost, before := 0.0, energy(s[0])
	for range 100 {
		damped := func(s []float32) float64 { return 0.2*float64(s[2]*s[2]) + 0.05*float64(s[3]*s[3]) }
		power := damped(s[0])
		out, err := step.Call(s)
		if err != nil {
			t.Fatal(err)
		}
		s = out[0].Value().([][]float32)
		lost += 0.05 * (power + damped(s[0])) / 2 // the trapezoidal rule
	}
	if after := energy(s[0]); math.Abs(before-after-lost) > 0.01*before || lost < 0.3*before {
		t.Errorf("energy %.4f, then %.4f: damping took %.4f", before, after, lost)
	}
}

// The graph's clip has the features of the reference, and its gradient is that of finite differences of the reference.
func TestDrivingClip(t *testing.T) {
	const steps = 5
	r := rand.New(rand.NewPCG(5, 6))
	w := DrivingWeights()
	clip := func(car, other []float64, u, v [steps][2]float64) (phi [5]float64) {
		for k := range steps {
			car, other = driveOne(car, u[k][0], u[k][1]), driveOne(other, v[k][0], v[k][1])
			for i, f := range drivingFeatures(car, other) {
				phi[i] += f
			}
		}
		return phi
	}
	car, other := []float64{0.05, 0, 1.5, 0.8}, []float64{0, 0.1, 1.6, 0.6}
	var u, v [steps][2]float64
	for k := range steps {
		u[k], v[k] = [2]float64(uniform(r, -1, 1, -1, 1)), [2]float64(uniform(r, -1, 1, -1, 1))
	}
	score := func(u [steps][2]float64) (sum float64) {
		for i, f := range clip(car, other, u, v) {
			sum += w[i] * f
		}
		return sum
	}
	feed := func(u [steps][2]float64) [][][]float32 {
		out := make([][]float32, steps)
		for k := range out {
			out[k] = []float32{float32(u[k][0]), float32(u[k][1])}
		}
		return [][][]float32{out}
	}
	single := func(s []float64) [][]float32 {
		return [][]float32{{float32(s[0]), float32(s[1]), float32(s[2]), float32(s[3])}}
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		exec, err := NewExec(e.Backend, func(car, other, u, v *Node) []*Node {
			phi, drivers, _ := DrivingClip(car, other, u, v)
			total := ReduceAllSum(Mul(phi, Const(car.Graph(), [][]float32{{0.164, -0.098, 0.872, -0.436, -0.115}})))
			return []*Node{phi, drivers, Gradient(total, u)[0]}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		out, err := exec.Call(single(car), single(other), feed(u), feed(v))
		if err != nil {
			t.Fatal(err)
		}
		want := clip(car, other, u, v)
		for i, got := range out[0].Value().([][]float32)[0] {
			if !same(float64(got), want[i], 1e-5) {
				t.Errorf("feature %d is %g, want %g", i, got, want[i])
			}
		}
		if first, want := out[1].Value().([][][]float32)[0][0], driveOne(car, u[0][0], u[0][1]); !same(float64(first[2]), want[2], 1e-5) {
			t.Errorf("heading after one step %g, want %g", first[2], want[2])
		}
		for k, row := range out[2].Value().([][][]float32)[0] {
			for i, got := range row {
				more, less := u, u
				more[k][i] += 1e-5
				less[k][i] -= 1e-5
				if slope := (score(more) - score(less)) / 2e-5; !same(float64(got), slope, 1e-3) {
					t.Errorf("step %d: slope in control %d is %g, want %g", k, i, got, slope)
				}
			}
		}
	})
}
