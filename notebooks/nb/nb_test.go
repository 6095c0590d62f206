package nb

import (
	"math"
	"strings"
	"testing"
)

func TestAssert(t *testing.T) {
	tests := []struct {
		name          string
		value, lo, hi float64
		ok            bool
		line          string
	}{
		{"inside", 0.72, 0.7, 0.76, true, "ASSERT acc=0.72 in [0.7, 0.76]\n"},
		{"at the lower end", 0.7, 0.7, 0.76, true, "ASSERT acc=0.7 in [0.7, 0.76]\n"},
		{"at the upper end", 0.76, 0.7, 0.76, true, "ASSERT acc=0.76 in [0.7, 0.76]\n"},
		{"below", 0.1, 0.7, 0.76, false, "ASSERT acc=0.1 in [0.7, 0.76]\n"},
		{"above", 1, 0.7, 0.76, false, "ASSERT acc=1 in [0.7, 0.76]\n"},
		{"not a number", math.NaN(), 0, 1, false, "ASSERT acc=NaN in [0, 1]\n"},
		{"infinite", math.Inf(1), 0, 1, false, "ASSERT acc=+Inf in [0, 1]\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs strings.Builder
			if got := assert(&out, &errs, "acc", tt.value, tt.lo, tt.hi); got != tt.ok {
				t.Errorf("ok = %v, want %v", got, tt.ok)
			}
			if out.String() != tt.line {
				t.Errorf("printed %q, want %q", out.String(), tt.line)
			}
			if said := errs.Len() > 0; said == tt.ok {
				t.Errorf("standard error holds %q", errs.String())
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	for value, want := range map[string]bool{"1": true, "true": true, "0": false, "": false, "maybe": false} {
		t.Setenv(EnvFast, value)
		t.Setenv(EnvHeadless, value)
		if Fast() != want || Headless() != want {
			t.Errorf("%q: Fast %v, Headless %v, want %v", value, Fast(), Headless(), want)
		}
	}
}
