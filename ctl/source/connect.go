package source

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/isame-lb/isame-lb/config"
)

// messageBytesMax bounds what is sent to etcd and comes from it: a document has 10 MiB at most.
const messageBytesMax = 16 << 20

// retriesMax bounds what the client repeats by itself: whoever calls does so as well, and
// wants to know why.
const retriesMax = 2

// connect makes a client. With a user it logs in, which takes as long as one call at most; else
// it connects with the first question. Every session has one of its own, so that files of TLS
// are read again and nothing of a connection that was lost stays.
func connect(e *config.Etcd, p *pace) (*clientv3.Client, error) {
	t, err := tlsOf(e)
	if err != nil {
		return nil, err
	}
	options := []grpc.DialOption{grpc.WithChainUnaryInterceptor(failFast)}
	if t != nil && t.ServerName != "" {
		options = append(options, grpc.WithTransportCredentials(named{credentials.NewTLS(t), t.ServerName}))
	}
	c, err := clientv3.New(clientv3.Config{
		Endpoints:   e.URLs(),
		DialTimeout: p.call,
		// A server that is frozen, or a machine that is gone, closes no connection. Servers refuse
		// clients that ask more often than every 5 s, or while they ask nothing else.
		DialKeepAliveTime:    p.silentTime,
		DialKeepAliveTimeout: p.call,
		PermitWithoutStream:  false,
		MaxCallSendMsgSize:   messageBytesMax,
		MaxCallRecvMsgSize:   messageBytesMax,
		TLS:                  t,
		Username:             e.User,
		Password:             string(e.Password),
		MaxUnaryRetries:      retriesMax,
		RejectOldCluster:     false,
		AutoSyncInterval:     0, // the members are those of the configuration
		DialOptions:          options,
		Logger:               zap.NewNop(),
	})
	if err != nil {
		return nil, fmt.Errorf("cannot connect to etcd: %w", err)
	}
	return c, nil
}

// tlsOf is how the members are spoken to; nil is clear text.
func tlsOf(e *config.Etcd) (*tls.Config, error) {
	if !e.HasTLS() {
		return nil, nil //nolint:nilnil // clear text
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	from := e.TLS
	if from == nil {
		return t, nil
	}
	t.ServerName, t.InsecureSkipVerify = from.ServerName, from.InsecureSkipVerify
	if from.CAFile != "" {
		text, err := os.ReadFile(from.CAFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read the authorities of etcd: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("cannot read the authorities of etcd: %q holds no certificate", from.CAFile)
		}
	}
	if from.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(from.CertFile, from.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read the certificate for etcd: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

// failFast has a question that cannot be asked fail with the reason, such as a certificate that
// is not believed. The client of etcd would wait, and only say that it took too long.
func failFast(
	ctx context.Context, method string, ask, answer any, c *grpc.ClientConn, invoke grpc.UnaryInvoker, o ...grpc.CallOption,
) error {
	return invoke(ctx, method, ask, answer, c, append(o, grpc.WaitForReady(false))...)
}

// named are credentials that verify one name, whatever the address is: those of grpc put the
// host of the address in the place of tls.Config.ServerName.
type named struct {
	credentials.TransportCredentials

	name string
}

// ClientHandshake has the server show that it has the name.
//
//nolint:ireturn // as grpc has it
func (n named) ClientHandshake(ctx context.Context, _ string, c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return n.TransportCredentials.ClientHandshake(ctx, n.name, c) //nolint:wrapcheck // a wrapper answers as the thing itself
}

// Clone is for grpc.
func (n named) Clone() credentials.TransportCredentials { //nolint:ireturn // as grpc has it
	return named{n.TransportCredentials.Clone(), n.name}
}
