package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// The programs with which implementations of gRPC are tested against each other. They
// are programs here because a failed case ends the process, and because the package
// would bring modules of clouds into go.mod.
const grpcVersion = "v1.85.0"

var (
	interopClient = newTool("the interop client of gRPC", "google.golang.org/grpc/interop/client", grpcVersion)
	interopServer = newTool("the interop server of gRPC", "google.golang.org/grpc/interop/server", grpcVersion)
)

// interopCases are those of gRPC's interop-test-descriptions.md that need no cloud and
// no load balancing in the client.
var interopCases = []string{
	"empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream", "timeout_on_sleeping_server", "cancel_after_begin",
	"cancel_after_first_response", "status_code_and_message", "special_status_message", "custom_metadata", "unimplemented_method", "unimplemented_service",
}

// interopStarts bounds how often the server is started: it cannot be told to take a
// free port.
const interopStarts = 5

// startInterop runs the interop server in clear text.
func startInterop(t *testing.T) (address string) {
	t.Helper()
	binary := interopServer.need(t)
	for range interopStarts {
		if address := tryInterop(t, binary); address != "" {
			return address
		}
	}
	t.Fatalf("cannot start the interop server in %d tries", interopStarts)
	return ""
}

func tryInterop(t *testing.T, binary string) (address string) {
	t.Helper()
	address = freeAddress(t)
	var log logBuffer
	command := exec.Command(binary, "--port="+portOf(t, address))
	command.Stdout, command.Stderr = &log, &log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("log of the interop server:\n%s", &log)
		}
	})
	up := false
	eventually(t, "the interop server listens", func() string {
		select {
		case <-exited:
			return "" // somebody else has the port
		default:
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return err.Error()
		}
		_ = conn.Close()
		up = true
		return ""
	})
	if !up {
		return ""
	}
	return address
}

// grpcEdge is a configuration whose pool speaks gRPC to its members.
func grpcEdge(c *pair, more string, addresses ...string) string {
	list := make([]string, 0, len(addresses))
	for _, a := range addresses {
		list = append(list, fmt.Sprintf("{address: %q}", a))
	}
	return edgeConfig(c, "["+strings.Join(list, ", ")+"]", ", protocol: h2c"+more, "")
}

// TestGRPCInterop runs each case by its own process, over TLS to the proxy, which speaks
// to the backend in clear text.
func TestGRPCInterop(t *testing.T) {
	client := interopClient.need(t)
	address, c := startInterop(t), newPair(t, tomorrow(), "a.test")
	p := start(t, grpcEdge(c, "", address))
	port := portOf(t, p.addressOf("secure"))
	for _, name := range interopCases {
		t.Run(name, func(t *testing.T) {
			out, err := exec.CommandContext(patient(t), client, "--use_tls", "--use_test_ca", "--ca_file="+c.certFile, "--server_host=127.0.0.1", "--server_port="+port,
				"--server_host_override=a.test", "--test_case="+name).CombinedOutput()
			if err != nil {
				t.Errorf("%v:\n%s", err, out)
			}
		})
	}
}

// dialGRPC is a client of gRPC through listener secure.
func (p *proxy) dialGRPC(c *pair) *grpc.ClientConn {
	p.t.Helper()
	trust, err := credentials.NewClientTLSFromFile(c.certFile, "a.test")
	if err != nil {
		p.t.Fatal(err)
	}
	conn, err := grpc.NewClient("passthrough:///"+p.addressOf("secure"), grpc.WithTransportCredentials(trust))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestGRPCClientsLearnWhyNobodyAnswers has no backend at all.
func TestGRPCClientsLearnWhyNobodyAnswers(t *testing.T) {
	c := newPair(t, tomorrow(), "a.test")
	p := start(t, grpcEdge(c, "", freeAddress(t)))
	client := grpc_health_v1.NewHealthClient(p.dialGRPC(c))
	var head, tail metadata.MD
	_, err := client.Check(patient(t), &grpc_health_v1.HealthCheckRequest{}, grpc.Header(&head), grpc.Trailer(&tail))
	s := status.Convert(err)
	if s.Code() != codes.Unavailable || !strings.Contains(s.Message(), "refuses connections") {
		t.Errorf("got %v, %q; want %v and that the backend refuses connections", s.Code(), s.Message(), codes.Unavailable)
	}
	if got := append(head.Get("x-isame-error"), tail.Get("x-isame-error")...); len(got) != 1 || got[0] != "connect_refused" {
		t.Errorf("x-isame-error: got %q; want connect_refused", got)
	}
	watch, err := client.Watch(patient(t), &grpc_health_v1.HealthCheckRequest{})
	if err == nil {
		_, err = watch.Recv()
	}
	if got := status.Code(err); got != codes.Unavailable {
		t.Errorf("a stream: got %v; want %v", err, codes.Unavailable)
	}
}

// shop is a backend of gRPC that says who it is, and whose health the test decides.
type shop struct {
	address string
	health  *health.Server
}

const shopService = "shop.Cart"

func newShop(t *testing.T) *shop {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{listener.Addr().String(), health.NewServer()}
	s.health.SetServingStatus(shopService, grpc_health_v1.HealthCheckResponse_SERVING)
	server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, q any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if err := grpc.SetHeader(ctx, metadata.Pairs("x-shop", s.address)); err != nil {
			return nil, err
		}
		return next(ctx, q)
	}))
	grpc_health_v1.RegisterHealthServer(server, s.health)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return s
}

func (s *shop) serves(is bool) {
	verdict := grpc_health_v1.HealthCheckResponse_NOT_SERVING
	if is {
		verdict = grpc_health_v1.HealthCheckResponse_SERVING
	}
	s.health.SetServingStatus(shopService, verdict)
}

// TestGRPCHealthDecidesWhoIsCalled lets backends say of one service how it is.
func TestGRPCHealthDecidesWhoIsCalled(t *testing.T) {
	a, b, c := newShop(t), newShop(t), newPair(t, tomorrow(), "a.test")
	p := start(t, grpcEdge(c, ", panic_threshold: 0, health_check: {type: grpc, service: "+shopService+
		", interval: 500ms, timeout: 500ms, healthy_after: 1, unhealthy_after: 1}", a.address, b.address))
	client := grpc_health_v1.NewHealthClient(p.dialGRPC(c))
	ask := func() (by string, err error) {
		var head metadata.MD
		_, err = client.Check(patient(t), &grpc_health_v1.HealthCheckRequest{}, grpc.Header(&head))
		return strings.Join(head.Get("x-shop"), ""), err
	}
	callees := func() string {
		var all bytes.Buffer
		for _, s := range []*shop{a, b} {
			for range 8 {
				by, err := ask()
				if err != nil {
					t.Fatal(err)
				}
				if by == s.address {
					fmt.Fprintf(&all, "%v ", map[*shop]string{a: "a", b: "b"}[s])
					break
				}
			}
		}
		return strings.TrimSpace(all.String())
	}
	waitUp(t, p, 0, true, "")
	waitUp(t, p, 1, true, "")
	if got := callees(); got != "a b" {
		t.Errorf("both serve: called %s; want a b", got)
	}
	a.serves(false)
	waitUp(t, p, 0, false, "NOT_SERVING")
	if got := callees(); got != "b" {
		t.Errorf("one serves: called %s; want b", got)
	}
	b.serves(false)
	waitUp(t, p, 1, false, "")
	if by, err := ask(); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "No backend") {
		t.Errorf("none serves: got %q, %v; want %v", by, err, codes.Unavailable)
	}
	a.serves(true)
	waitUp(t, p, 0, true, "")
	if got := callees(); got != "a" {
		t.Errorf("the other one serves: called %s; want a", got)
	}
}

// TestGRPCCallsOutliveReloads keeps a stream open over reloads.
func TestGRPCCallsOutliveReloads(t *testing.T) {
	s, c := newShop(t), newPair(t, tomorrow(), "a.test")
	p := start(t, grpcEdge(c, "", s.address))
	watch, err := grpc_health_v1.NewHealthClient(p.dialGRPC(c)).Watch(patient(t), &grpc_health_v1.HealthCheckRequest{Service: shopService})
	if err != nil {
		t.Fatal(err)
	}
	serving := true
	for n := range 6 {
		got, err := watch.Recv()
		if err != nil {
			t.Fatalf("message %d: %v", n, err)
		}
		if is := got.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING; is != serving {
			t.Errorf("message %d: serves %v; want %v", n, is, serving)
		}
		p.reload(grpcEdge(c, fmt.Sprintf(", timeouts: {read: %v}", time.Duration(n+60)*time.Second), s.address), "applied")
		serving = !serving
		s.serves(serving)
	}
}
