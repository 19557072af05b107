package source

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// reportsMax bounds how many instances are listed.
	reportsMax = 1000
	// reportsKept is for how long an answer is good: however many ask, etcd is asked once.
	reportsKept = time.Second
)

// Reports are those of all instances that share the document, of one moment.
type Reports struct {
	List []Report
	// Revision is that at which the document was put that lies at the key then; 0 where there is none.
	Revision int64
	// Beyond is how many more there are than are listed.
	Beyond int64
}

// Reports asks etcd how the instances are doing, this one among them, in the order of their names. It
// waits for etcd as long as one call may take at most.
func (s *Source) Reports(ctx context.Context) (Reports, error) {
	s.asking.Lock()
	defer s.asking.Unlock()
	if !s.asking.at.IsZero() && time.Since(s.asking.at) < reportsKept {
		return s.asking.last, nil
	}
	s.mu.Lock()
	client, problem := s.mu.client, s.mu.problem
	s.mu.Unlock()
	if client == nil {
		return Reports{}, fmt.Errorf("cannot read the reports of the instances: etcd cannot be reached: %s", problem)
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.pace.call)
	defer cancel()
	folder := s.opts.Etcd.Key + "/instances/"
	t, err := client.Txn(ctx).Then(
		clientv3.OpGet(s.opts.Etcd.Key, clientv3.WithKeysOnly()),
		clientv3.OpGet(folder, clientv3.WithPrefix(), clientv3.WithLimit(reportsMax)),
	).Commit()
	if err != nil {
		return Reports{}, fmt.Errorf("cannot read the reports of the instances: %w", err)
	}
	var all Reports
	for _, kv := range t.Responses[0].GetResponseRange().Kvs {
		all.Revision = kv.ModRevision
	}
	found := t.Responses[1].GetResponseRange()
	for _, kv := range found.Kvs {
		all.List = append(all.List, readReport(strings.TrimPrefix(string(kv.Key), folder), kv.Value))
	}
	all.Beyond = found.Count - int64(len(found.Kvs))
	s.asking.last, s.asking.at = all, time.Now()
	return all, nil
}

// readReport is what stands under a name. What is no report, of another program or by hand, is one
// of that name with nothing in it.
func readReport(name string, text []byte) Report {
	var r Report
	if err := json.Unmarshal(text, &r); err != nil {
		r = Report{}
	}
	r.Instance = name
	return r
}
