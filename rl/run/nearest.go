package run

import "fmt"

// Nearest returns the name that differs from the given one by the fewest
// insertions, deletions, replacements and swaps of neighbours, or "" if none
// comes close enough to be a slip of the fingers.
func Nearest(name string, among []string) string {
	best, at := max(2, len(name)/3)+1, ""
	for _, c := range among {
		if d := editDistance(name, c); d < best && d < len(c) {
			best, at = d, c
		}
	}
	return at
}

func didYouMean(name string, among []string) string {
	if n := Nearest(name, among); n != "" {
		return fmt.Sprintf(": did you mean %q?", n)
	}
	return ""
}

// editDistance is the optimal string alignment distance.
func editDistance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := 1
			if a[i-1] == b[j-1] {
				replace = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
