package hanabi_test

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rewardlab/rewardlab/rl/hanabi"
)

// engineVar names the shared library of the Hanabi Learning Environment, which these tests compare with. To build it:
//
//	pip download --no-deps --no-binary hanabi-learning-environment hanabi-learning-environment==0.0.4
//	tar xzf hanabi_learning_environment-0.0.4.tar.gz
//	cd hanabi_learning_environment-0.0.4/hanabi_learning_environment
//	g++ -O2 -fPIC -shared -I. -Ihanabi_lib pyhanabi.cc hanabi_lib/*.cc -o libpyhanabi.so
const engineVar = "REWARDLAB_HANABI_ENGINE"

// 2,000 games take seconds; the engine has been compared with 100,000 and more.
var oracleGames = flag.Int("oracle.games", 2000, "games to compare with the Hanabi Learning Environment, over all variants")

// TestAgainstLearningEnvironment replays games that the reference plays: every legal move, observation and score must be the same.
func TestAgainstLearningEnvironment(t *testing.T) {
	library := os.Getenv(engineVar)
	if library == "" {
		t.Skip(engineVar + " is not set: see oracle_test.go for how to build the reference")
	}
	helper := filepath.Join(t.TempDir(), "oracle")
	if out, err := exec.CommandContext(t.Context(), "gcc", "-O2", "-o", helper, "testdata/oracle.c", "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	variants := []struct {
		config hanabi.Config
		share  int // of 20
	}{
		{hanabi.Config{}, 10},
		{hanabi.Config{Players: 3}, 2},
		{hanabi.Config{Players: 4}, 1},
		{hanabi.Config{Players: 5}, 1},
		{hanabi.Small(), 2},
		{hanabi.VerySmall(), 1},
		{hanabi.Config{Colors: 3, Ranks: 3, Hand: 3, Hints: 4, Lives: 2}, 1},
		{hanabi.Config{Players: 3, Colors: 2, Ranks: 1, Hand: 2, Hints: 1, Lives: 1}, 1}, // no card is left in the deck
		{hanabi.Config{Players: 2, Hand: 8, Hints: 2, Lives: 9}, 1},
	}
	for i, v := range variants {
		r, err := hanabi.New(v.config)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprintf("players=%d,colors=%d,ranks=%d,hand=%d", r.Players, r.Colors, r.Ranks, r.Hand), func(t *testing.T) {
			games := max(*oracleGames*v.share/20, 1)
			args := []string{library}
			for _, n := range []int{games, i + 1, r.Players, r.Colors, r.Ranks, r.Hand, r.Hints, r.Lives} {
				args = append(args, fmt.Sprint(n))
			}
			cmd := exec.CommandContext(t.Context(), helper, args...)
			cmd.Stderr = os.Stderr
			pipe, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			c := comparison{rules: r, in: bufio.NewReaderSize(pipe, 1<<20), obs: make([]float32, r.Size()), ends: map[hanabi.End]int{}}
			for game := range games {
				if err := c.game(); err != nil {
					_ = cmd.Process.Kill()
					_ = cmd.Wait()
					t.Fatalf("game %d: %v", game, err)
				}
			}
			if err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d games, %d positions, %d observations agree; ends %v, best score %d", games, c.positions, c.positions*r.Players, c.ends, c.best)
		})
	}
}

type comparison struct {
	rules     *hanabi.Rules
	in        *bufio.Reader
	obs       []float32
	positions int
	best      int
	ends      map[hanabi.End]int
}

// seen is a position as the reference shows it.
type seen struct {
	player, status, score, lives, hints, deck int
	legal                                     uint64
	obs                                       [][]byte
	move                                      int // that was then made
}

// read reads one game: the cards as they were dealt, and the positions.
func (c *comparison) read() (deck []hanabi.Card, positions []seen, err error) {
	for {
		kind, err := c.in.ReadByte()
		if err != nil {
			return nil, nil, err
		}
		switch kind {
		case 'D':
			var b [2]byte
			if _, err := io.ReadFull(c.in, b[:]); err != nil {
				return nil, nil, err
			}
			deck = append(deck, hanabi.Card{Color: b[0], Rank: b[1]})
		case 'S':
			var b [14]byte
			if _, err := io.ReadFull(c.in, b[:]); err != nil {
				return nil, nil, err
			}
			s := seen{player: int(b[0]), status: int(b[1]), score: int(b[2]), lives: int(b[3]), hints: int(b[4]), deck: int(b[5]),
				legal: binary.LittleEndian.Uint64(b[6:])}
			for range c.rules.Players {
				o := make([]byte, (c.rules.Size()+7)/8)
				if _, err := io.ReadFull(c.in, o); err != nil {
					return nil, nil, err
				}
				s.obs = append(s.obs, o)
			}
			positions = append(positions, s)
		case 'M':
			m, err := c.in.ReadByte()
			if err != nil {
				return nil, nil, err
			}
			positions[len(positions)-1].move = int(m)
		case 'E':
			return deck, positions, nil
		default:
			return nil, nil, fmt.Errorf("record %q", kind)
		}
	}
}

// game reads a game and replays it.
func (c *comparison) game() error {
	deck, positions, err := c.read()
	if err != nil {
		return err
	}
	var g hanabi.Game
	if err := g.Deal(c.rules, rest(c.rules, deck)); err != nil {
		return err
	}
	for i, s := range positions {
		over := i == len(positions)-1
		got := seen{player: g.Player(), score: g.Score(), lives: g.Lives(), hints: g.Hints(), deck: g.Deck(), legal: g.Legal()}
		want := seen{player: s.player, score: s.score, lives: s.lives, hints: s.hints, deck: s.deck, legal: s.legal}
		if fmt.Sprint(got) != fmt.Sprint(want) || g.Over() != over || int(g.End()) != s.status {
			return fmt.Errorf("position %d: %+v, over %t, %s; the reference has %+v, over %t, status %d", i, got, g.Over(), g.End(), want, over, s.status)
		}
		for p := range c.rules.Players {
			g.Encode(p, c.obs)
			for j, x := range c.obs {
				if want := float32(s.obs[p][j/8] >> (j % 8) & 1); x != want {
					return fmt.Errorf("position %d: number %d of player %d's observation is %g, the reference has %g", i, j, p, x, want)
				}
			}
		}
		if over {
			break
		}
		if _, err := g.Step(s.move); err != nil {
			return err
		}
	}
	c.positions += len(positions)
	c.best = max(c.best, g.Score())
	c.ends[g.End()]++
	return nil
}

// rest puts the cards that were not dealt below those that were.
func rest(r *hanabi.Rules, dealt []hanabi.Card) []hanabi.Card {
	left := map[hanabi.Card]int{}
	for color := range r.Colors {
		for rank := range r.Ranks {
			n := 2
			if rank == r.Ranks-1 {
				n = 1
			}
			if rank == 0 {
				n = 3
			}
			left[hanabi.Card{Color: uint8(color), Rank: uint8(rank)}] = n
		}
	}
	deck := append([]hanabi.Card(nil), dealt...)
	for _, c := range dealt {
		left[c]--
	}
	for color := range r.Colors {
		for rank := range r.Ranks {
			c := hanabi.Card{Color: uint8(color), Rank: uint8(rank)}
			for range left[c] {
				deck = append(deck, c)
			}
		}
	}
	return deck
}
