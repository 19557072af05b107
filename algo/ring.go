package algo

import (
	"hash/crc32"
	"math/bits"
	"strings"
)

const (
	// pointsPerWeight is nginx's: 160 points for each unit of weight.
	pointsPerWeight = 160
	// pointsMax bounds the points of a ring; 6,553 units of weight fit. Above,
	// every member has proportionally fewer points, at least one, and the order
	// is no longer nginx's.
	pointsMax = 1 << 20
)

const (
	// bucketBitsMax bounds the index of a ring to 256 KiB, a part of the
	// second-level cache. An owner, which has up to 16 bits, must fit beside the
	// bits of a hash that its bucket does not tell.
	bucketBitsMax = 16
)

// ring places members on the circle of 32-bit hashes: ketama points as nginx's
// ngx_http_upstream_init_chash computes them (compatible with
// Cache::Memcached::Fast). A key belongs to the first point at or after its
// hash. The points are sorted by hash, equal ones by position; a bucket index
// over the top bits of the hash replaces the binary search, which costs 20
// mispredicted branches at 4,096 members.
//
// A point is one word: as its bucket tells the top bits of the hash, they make
// room for the owner.
//
//	31                      bits bits-1          0
//	+---------------------------+----------------+
//	| hash without its top bits | owner          |
//	+---------------------------+----------------+
//
// The order of these words within a bucket is the order of the points. A ring of
// 4,096 members takes 2.9 MB so; hash and owner apart, with a bucket for each
// point, took 9, and a second read outside the second-level cache.
type ring struct {
	points []uint32 // and one word more, which find reads beyond the last
	// index: the points of the hashes with top bits b are those from index[b] to
	// index[b+1].
	index []uint32
	bits  uint // of a bucket's number: 1 to bucketBitsMax
}

// point is one place on the circle and the position that owns it.
type point struct {
	hash  uint32
	owner uint32
}

// newRing places the members of a view.
func newRing(v *view, members []Member) ring {
	counts, total := pointCounts(v, members)
	unsorted := make([]point, 0, total)
	for i, id := range v.ids {
		unsorted = appendPoints(unsorted, members[id].Key, uint32(i), counts[i])
	}
	return packRing(sortPoints(unsorted), len(v.ids))
}

// pointCounts returns the number of points of every position, and their sum.
// During slow start a member has the first ones of its points.
func pointCounts(v *view, members []Member) (counts []uint64, total uint64) {
	allZero := len(v.ids) > 0 && members[v.ids[0]].Weight == 0
	counts = make([]uint64, len(v.ids))
	for i, id := range v.ids {
		counts[i] = members[id].share(allZero) * pointsPerWeight / RampFull
		total += counts[i]
	}
	if total <= pointsMax {
		return counts, total
	}
	whole := total
	total = 0
	for i, count := range counts {
		high, low := bits.Mul64(count, pointsMax)
		count, _ = bits.Div64(high, low, whole)
		counts[i] = max(1, count)
		total += counts[i]
	}
	return counts, total
}

// appendPoints appends the points of one member: the CRC-32 of host, NUL, port
// and the previous point as four little-endian bytes (at first 0).
func appendPoints(points []point, key string, owner uint32, count uint64) []point {
	host, port := splitKey(key)
	base := crc32.ChecksumIEEE([]byte(host + "\x00" + port))
	table := crc32.IEEETable
	previous := uint32(0)
	for range count {
		hash := ^base
		for shift := 0; shift < 32; shift += 8 {
			hash = table[byte(hash)^byte(previous>>shift)] ^ hash>>8
		}
		previous = ^hash
		points = append(points, point{hash: previous, owner: owner})
	}
	return points
}

// splitKey parts an address as nginx does for its points: a unix socket is all
// host, without its prefix; else a port is what follows the last colon when that
// is digits only.
func splitKey(key string) (host, port string) {
	const unix = "unix:"
	if len(key) >= len(unix) && strings.EqualFold(key[:len(unix)], unix) {
		return key[len(unix):], ""
	}
	at := strings.LastIndexByte(key, ':')
	if at < 0 || strings.Trim(key[at+1:], "0123456789") != "" {
		return key, ""
	}
	return key[:at], key[at+1:]
}

// sortPoints sorts by hash in three passes of a stable radix sort: 655,360
// points take 8 ms, where slices.SortFunc takes 90.
func sortPoints(points []point) []point {
	const radix = 11
	other := make([]point, len(points))
	for shift := 0; shift < 32; shift += radix {
		var starts [1<<radix + 1]uint32
		for _, p := range points {
			starts[p.hash>>shift&(1<<radix-1)+1]++
		}
		for i := 1; i < len(starts); i++ {
			starts[i] += starts[i-1]
		}
		for _, p := range points {
			digit := p.hash >> shift & (1<<radix - 1)
			other[starts[digit]] = p
			starts[digit]++
		}
		points, other = other, points
	}
	return points
}

// packRing makes a ring of sorted points with owners below the given number.
// There are as many buckets as points, up to the bound: with four points to a
// bucket a pick takes 8 ns longer at 16 members.
func packRing(sorted []point, owners int) ring {
	r := ring{bits: uint(min(bits.Len(uint(len(sorted))), bucketBitsMax))}
	r.bits = max(r.bits, uint(bits.Len(uint(max(owners, 1)-1))), 1)
	r.index = make([]uint32, 1<<r.bits+1)
	r.points = make([]uint32, len(sorted)+1)
	at := 0
	for bucket := range r.index {
		r.index[bucket] = uint32(at)
		for at < len(sorted) && sorted[at].hash>>(32-r.bits) == uint32(bucket) {
			r.points[at] = sorted[at].hash<<r.bits | sorted[at].owner
			at++
		}
	}
	return r
}

// find returns the place of the first point at or after the hash, going round.
// There must be points. A bucket has few points, but no more than all.
func (r *ring) find(hash uint32) int {
	width := r.bits % 32 // says the same to the compiler, which then emits a bare shift
	bucket := hash >> ((32 - width) % 32)
	at, end := r.index[bucket], r.index[bucket+1]
	key := hash << width
	// The point after the last one of a bucket may be any word. Both conditions
	// in one branch, which is hard to predict: two cost 15 ns more at 16 members.
	for isLess(at, end)&isLess(r.points[at], key) != 0 {
		at++
	}
	if int(at) == r.len() {
		return 0
	}
	return int(at)
}

// isLess is 1 when a < b, else 0, without a branch.
func isLess(a, b uint32) uint32 {
	return uint32((uint64(a) - uint64(b)) >> 63)
}

// len is the number of points.
func (r *ring) len() int { return len(r.points) - 1 }

// owner is the position that owns the point at this place.
func (r *ring) owner(place int) int {
	return int(r.points[place] & (1<<(r.bits%32) - 1))
}
