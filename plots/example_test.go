package plots_test

import (
	"context"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"

	"github.com/rewardlab/rewardlab/plots"
)

// Three seeds of one method, with the chance level for comparison.
func ExampleCurves() {
	runs := make([][]float64, 3)
	for seed := range runs {
		for i := range 200 {
			runs[seed] = append(runs[seed], 0.7-0.6*math.Exp(-float64(i)/float64(30+10*seed)))
		}
	}
	fig := plots.Curves("Sampled accuracy", []plots.Series{{Name: "IGL", Runs: runs}}, plots.Axes{
		X: "iteration", Y: "accuracy", YMax: 1,
		Refs: []plots.Line{{Name: "random", At: 0.1}},
	})
	if err := fig.Show(); err != nil { // displays it in a notebook
		log.Fatal(err)
	}
	path := filepath.Join(os.TempDir(), "accuracy.svg")
	defer os.Remove(path)
	fmt.Println(fig.Save(path))
	// Output: <nil>
}

func ExampleBars() {
	fig := plots.Bars("Held-out accuracy", []plots.Bar{
		{Name: "IGL, offline", Scores: []float64{0.88, 0.89, 0.87, 0.90, 0.89}},
		{Name: "offline IPS bandit", Scores: []float64{0.55, 0.61, 0.49, 0.58, 0.52}},
	}, plots.Axes{X: "accuracy", XMax: 1})
	w, _ := fig.Size() // as high as the bars need
	fmt.Println(w, fig.Err())
	// Output: 680 <nil>
}

// What is wrong with the data is an error that names the series.
func ExampleFigure_Err() {
	fig := plots.Curves("Return", []plots.Series{
		{Name: "PPO", Runs: [][]float64{{1, 2, 3}, {1, 2}}},
	}, plots.Axes{})
	fmt.Println(fig.Err())
	// Output: curves "Return": series 0 "PPO": run 1 has 2 points and there are 3 places on X: cut them to the same length
}

func ExampleFilm() {
	film := &plots.Film{FPS: 5}
	for t := range 10 {
		grid := make([]float64, 25)
		grid[t] = 1
		frame, err := plots.Images("step by step", []plots.Tile{{Pixels: grid, Width: 5}}, plots.Grid{Size: 100}).Image(1)
		if err != nil {
			log.Fatal(err)
		}
		if err := film.Add(frame); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(film.Len(), film.Show())
	// Output: 10 <nil>
}

// In a notebook this draws a chart that grows and a bar; elsewhere it only writes the
// bar's text to Out.
func ExampleLive() {
	ctx := context.Background()
	live := plots.NewLive(ctx, "Training", plots.Axes{X: "iteration", Y: "accuracy"}, plots.LiveOptions{})
	bar := plots.NewProgress("IGL", 1000, plots.ProgressOptions{Unit: "iterations"})
	for i := range 1000 {
		live.Add("seed 0", float64(i), 1-1/float64(i+1))
		bar.Add(1)
	}
	fmt.Println(live.Close(), bar.Close())
	// Output: <nil> <nil>
}
