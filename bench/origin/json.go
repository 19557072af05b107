package origin

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// jsonBytes is the size of the answer of /json.
const jsonBytes = 16 << 10

// records are so many bytes of JSON that look like those of a service: names that come
// again, and values that do not. They are the same in each run.
func records(size int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("amber basil cedar delta ember fjord grove heron iris jade kelp lotus " +
		"maple north olive pearl quartz river slate tulip")
	word := func() string { return words[random.IntN(len(words))] }
	b := []byte("[")
	for i := 0; ; i++ {
		record := fmt.Sprintf(`{"id":%d,"name":%q,"price":%d.%02d,"stock":%d,"tags":[%q,%q],`+
			`"updated":"2024-%02d-%02dT%02d:%02d:%02dZ","etag":"%08x"}`,
			100000+i, word()+" "+word(), random.IntN(500), random.IntN(100), random.IntN(1000), word(), word(),
			1+random.IntN(12), 1+random.IntN(28), random.IntN(24), random.IntN(60), random.IntN(60), random.Uint32())
		if len(b)+len(record)+len(",]") > size {
			break
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, record...)
	}
	b = append(b, ']')
	return append(b, strings.Repeat("\n", size-len(b))...)
}
