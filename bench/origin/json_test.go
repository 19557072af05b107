package origin

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"testing"
)

func TestRecordsAreJSONThatCompressesAsJSONDoes(t *testing.T) {
	b := records(jsonBytes)
	var all []map[string]any
	if err := json.Unmarshal(b, &all); err != nil || len(b) != jsonBytes || len(all) < 50 {
		t.Fatalf("got %d records in %d bytes, %v; want 16 KiB of them", len(all), len(b), err)
	}
	var small bytes.Buffer
	z := gzip.NewWriter(&small)
	_, _ = z.Write(b)
	_ = z.Close()
	if ratio := float64(len(b)) / float64(small.Len()); ratio < 3 || ratio > 8 {
		t.Errorf("gzip makes %d bytes of them; want a third to an eighth", small.Len())
	}
	if !bytes.Equal(b, records(jsonBytes)) {
		t.Error("they are not the same each time")
	}
}
