// Package compare puts two targets side by side: interleaved rounds of the same
// load, medians, ratios with a confidence interval, CPU time a request.
package compare

import (
	"math"
	"slices"
)

// Median of the values, 0 when there is none. The values are left as they are.
func Median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}

// Ratio is how much larger b is than a, with the interval in which the true
// ratio lies with 95 % confidence. Without enough rounds Low and High are 0.
type Ratio struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low,omitempty"`
	High  float64 `json:"high,omitempty"`
}

// Differs reports whether the interval excludes 1: the two are not equal.
func (r Ratio) Differs() bool { return r.Low > 1 || r.High > 0 && r.High < 1 }

// roundsMin is how many pairs an interval needs.
const roundsMin = 3

// Compare returns the ratio b/a of paired rounds: the values at one index were
// measured right after each other, so that what disturbs the machine disturbs
// both. The value is the median of the pairs' ratios; the interval is Student's t over
// the logarithms of the pairs' ratios, which treats a/b and b/a alike. Pairs
// with a value that is not above 0 are left out.
func Compare(a, b []float64) Ratio {
	var logs []float64
	for i, x := range a[:min(len(a), len(b))] {
		if y := b[i]; x > 0 && y > 0 {
			logs = append(logs, math.Log(y/x))
		}
	}
	n := float64(len(logs))
	if n == 0 {
		return Ratio{}
	}
	r := Ratio{Value: math.Exp(Median(logs))}
	if len(logs) < roundsMin {
		return r
	}
	mean, squares := 0.0, 0.0
	for _, v := range logs {
		mean += v / n
	}
	for _, v := range logs {
		squares += (v - mean) * (v - mean)
	}
	half := studentT(len(logs)-1) * math.Sqrt(squares/(n-1)/n)
	r.Low, r.High = math.Exp(mean-half), math.Exp(mean+half)
	return r
}

// studentT is the two-sided 95 % quantile for so many degrees of freedom (at least
// 1): exact up to 10, above it a series in 1/freedom, good to 0.2 %.
func studentT(freedom int) float64 {
	small := []float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228}
	if i := freedom - 1; i >= 0 && i < len(small) {
		return small[i]
	}
	const z = 1.959964
	f := float64(freedom)
	return z + (z*z*z+z)/(4*f) + (5*math.Pow(z, 5)+16*z*z*z+3*z)/(96*f*f)
}
