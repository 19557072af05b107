package headroom

import "math"

// cost learns what the load costs of processors: in a second with rate requests and sleeps
// (how often threads went to sleep)
//
//	used = constant + request*rate + wake*sleeps
//
// It is a Kalman filter over the seconds: what a request costs may change by 1 % a second, as
// the mix of requests does, what a wake-up costs is a matter of the machine. While the load
// stands still both look the same, and wake stays what was measured without load (or what is
// known of other machines), with its uncertainty; a load that changes tells them apart within
// seconds.
type cost struct {
	x        [3]float64    // constant (processors), request and wake (seconds of a processor)
	p        [3][3]float64 // covariance
	seen     bool
	measured float64 // what a thread's sleep and wake-up cost here, seconds; 0 is unknown
}

// What is believed at first, with its standard deviation, and how that fades.
const (
	constantFirst, constantSD = 0.002, 0.004
	// wakeFirst is the cost of a sleep and a wake-up: two switches of threads, the poller and
	// Go's scheduler. 2 to 4 us on bare metal, more where the machine is virtual. Where that of
	// a thread was measured, the other two and what is cold by then come to so much more of it.
	wakeFirst, wakeSD        = 3e-6, 3e-6
	wakeFactor, wakeFactorSD = 1.4, 0.5
	requestSD                = 1.0  // anything
	requestDrift             = 0.01 // of itself, a second
	constantDrift            = 1e-4
	wakeDrift                = 2e-8
	// noiseShare and noiseLeast are what a second differs by from the law.
	noiseShare, noiseLeast = 0.03, 0.002
	// wakeMost is the share of all that wake-ups may have: what is left is a request's own.
	wakeMost = 0.6
)

// add learns from one second.
func (c *cost) add(used, rate, sleeps float64) {
	if !c.seen {
		c.seen = true
		wake, sd := c.first()
		c.x = [3]float64{constantFirst, 0, wake}
		c.p = [3][3]float64{{constantSD * constantSD, 0, 0}, {0, requestSD * requestSD, 0}, {0, 0, sd * sd}}
	}
	c.drift()
	h := [3]float64{1, rate, sleeps}
	var ph [3]float64
	expected, variance := 0.0, square(max(noiseShare*used, noiseLeast))
	for i := range h {
		expected += h[i] * c.x[i]
		for j := range h {
			ph[i] += c.p[i][j] * h[j]
		}
	}
	for i := range h {
		variance += h[i] * ph[i]
	}
	for i := range h {
		gain := ph[i] / variance
		c.x[i] = max(c.x[i]+gain*(used-expected), 0)
		for j := range h {
			c.p[i][j] -= gain * ph[j]
		}
	}
}

// first is what a wake-up is believed to cost before the load has told anything, with its standard deviation.
func (c *cost) first() (wake, sd float64) {
	return max(wakeFactor*c.measured, wakeFirst), max(wakeFactorSD*c.measured, wakeSD)
}

// drift is what a second makes less certain.
func (c *cost) drift() {
	_, sd := c.first()
	c.p[0][0] = min(c.p[0][0]+square(constantDrift), square(constantSD))
	c.p[1][1] = min(c.p[1][1]+square(requestDrift*c.x[1]), square(requestSD))
	c.p[2][2] = min(c.p[2][2]+square(wakeDrift), square(sd))
}

func square(x float64) float64 { return x * x }

// law is what is known of a process, or of one of its loops, that uses used of room
// processors now.
type law struct {
	used, room, rate, sleeps float64
	constant, wake           float64
}

// lawOf is the law of a load, with wake as many standard deviations off what was learnt.
func (c *cost) lawOf(used, room, rate, sleeps, off float64) law {
	return law{
		used: used, room: room, rate: rate, sleeps: sleeps,
		constant: min(c.x[0], used/2),
		wake:     max(c.x[2]+off*math.Sqrt(max(c.p[2][2], 0)), 0),
	}
}

// parts are what a request costs by itself, and what it costs more where the loop sleeps that it
// comes to.
func (l *law) parts() (own, woken float64) {
	each := (l.used - l.constant) / l.rate
	woken = min(l.wake*l.sleeps/l.rate, wakeMost*each)
	own = each - woken
	// Where the room is nearly used up, the few sleeps that are left are not those of loops.
	return own, min(woken/max(1-l.used/l.room, 1-busyMost), own*wakeMost/(1-wakeMost))
}

// request is what one costs where the share busy of the room is used, in seconds. It meets a
// sleeping loop as often as that sleeps: arrivals see time averages.
func (l *law) request(busy float64) float64 {
	own, woken := l.parts()
	return own + woken*(1-busy)
}

// times is by how much the load may grow until the share busy of the room is used.
func (l *law) times(busy float64) float64 {
	return (busy*l.room - l.constant) / (l.rate * l.request(busy))
}
