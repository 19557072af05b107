package observe

import (
	"strings"
	"sync"
	"testing"
)

func TestOrdersAreCounted(t *testing.T) {
	r := NewRegistry(1)
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			r.CertificateOrdered("a.test", true)
			r.CertificateOrdered("a.test", false)
			r.CertificateOrdered("*.b.test", false)
		})
	}
	group.Wait()
	var page strings.Builder
	r.WriteMetrics(&page, "")
	for _, want := range []string{
		`isame_certificate_orders_total{name="*.b.test",result="failed"} 10`, `isame_certificate_orders_total{name="*.b.test",result="issued"} 0`,
		`isame_certificate_orders_total{name="a.test",result="failed"} 10`, `isame_certificate_orders_total{name="a.test",result="issued"} 10`,
	} {
		if !strings.Contains(page.String(), want+"\n") {
			t.Errorf("the page lacks %s", want)
		}
	}
}
