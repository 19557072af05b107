package worker

import (
	"bytes"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/pool/rig/leak"
)

// TestMain fails the run when a test leaves a goroutine behind.
func TestMain(m *testing.M) { leak.Main(m) }

func TestTasksRunOnceEachTimeTheyAreHandedOver(t *testing.T) {
	p := Start(zerolog.Nop())
	const tasks, rounds = 200, 20
	var ran [tasks]atomic.Int32
	var all sync.WaitGroup
	for i := range tasks {
		again := make(chan struct{}, 1)
		task := NewTask(func() {
			ran[i].Add(1)
			again <- struct{}{}
		})
		all.Go(func() {
			for range rounds {
				p.Hand(task)
				<-again
			}
		})
	}
	all.Wait()
	for i := range ran {
		if n := ran[i].Load(); n != rounds {
			t.Errorf("task %d ran %d times; want %d", i, n, rounds)
		}
	}
	p.Close()
}

// Tasks that wait hold up nobody, however many they are.
func TestWaitingTasksHoldNobodyUp(*testing.T) {
	p := Start(zerolog.Nop())
	const many = 4 * queueMax
	release := make(chan struct{})
	var began, ended sync.WaitGroup
	began.Add(many)
	ended.Add(many)
	for range many {
		p.Hand(NewTask(func() {
			began.Done()
			<-release
			ended.Done()
		}))
	}
	began.Wait()
	close(release)
	ended.Wait()
	p.Close()
}

// A worker that has had a task is lent again: it is the same goroutine.
func TestWorkersAreUsedAgain(t *testing.T) {
	p := Start(zerolog.Nop())
	defer p.Close()
	seen := map[string]bool{}
	done := make(chan string)
	task := NewTask(func() {
		b := make([]byte, 64)
		b = b[:runtime.Stack(b, false)]
		b, _, _ = bytes.Cut(b, []byte(" ["))
		done <- string(b)
	})
	for range 200 {
		p.Hand(task)
		seen[<-done] = true
	}
	if len(seen) > 20 {
		t.Errorf("%d goroutines for 200 tasks, one after the other; want few", len(seen))
	}
}

// What was handed over before Close runs.
func TestCloseLeavesNoTask(*testing.T) {
	for range 100 {
		p := Start(zerolog.Nop())
		var ran sync.WaitGroup
		ran.Add(50)
		for range 50 {
			p.Hand(NewTask(ran.Done))
		}
		p.Close()
		ran.Wait()
	}
}

// A task may be handed over again by itself.
func TestTaskHandsItselfOverAgain(*testing.T) {
	p := Start(zerolog.Nop())
	defer p.Close()
	done := make(chan struct{})
	var task *Task
	n := 0
	task = NewTask(func() {
		n++
		if n == 100 {
			close(done)
			return
		}
		p.Hand(task)
	})
	p.Hand(task)
	<-done
}
