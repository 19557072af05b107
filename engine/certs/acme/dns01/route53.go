package dns01

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// route53 keeps records by Amazon's API. Its records are sets: one value comes and goes by
// a change of the whole set, which fails when somebody else has changed it meanwhile.
type route53 struct{ options Options }

// defaultRegion is where the one API of all regions is.
const defaultRegion = "us-east-1"

// changeTries is how often a set is read and changed when others change it, too.
const changeTries = 6

var (
	errNoHostedZone = errors.New("the credentials see no such public hosted zone")
	errContended    = fmt.Errorf("others have changed the record %d times meanwhile", changeTries)
)

func newRoute53(o *Options) *route53 { return &route53{options: *o} }

func (p *route53) close() {}

// api is a client with the credentials as they are now. It is made for each record: files
// and environment may have changed. Its transport must be Amazon's, which alone takes
// AWS_CA_BUNDLE; it cannot be told to close what it keeps open, so it keeps nothing.
func (p *route53) api(ctx context.Context) (*api.Client, error) {
	with := []func(*awsconfig.LoadOptions) error{awsconfig.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(callMax).
		WithTransportOptions(func(t *http.Transport) { t.DisableKeepAlives = true }))}
	if p.options.Region != "" {
		with = append(with, awsconfig.WithRegion(p.options.Region))
	}
	if p.options.AccessKey != "" {
		with = append(with, awsconfig.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(p.options.AccessKey, p.options.SecretKey, "")))
	}
	c, err := awsconfig.LoadDefaultConfig(ctx, with...)
	if err != nil {
		return nil, fmt.Errorf("cannot find the settings of AWS: %w", err)
	}
	if c.Region == "" {
		c.Region = defaultRegion
	}
	return api.NewFromConfig(c, func(o *api.Options) {
		if p.options.Endpoint != "" {
			o.BaseEndpoint = aws.String(p.options.Endpoint)
		}
	}), nil
}

func (p *route53) add(ctx context.Context, r record) error {
	return p.change(ctx, r, func(values []string) []string {
		if slices.Contains(values, quoted(r.value)) {
			return values
		}
		return append(slices.Clone(values), quoted(r.value))
	})
}

func (p *route53) remove(ctx context.Context, r record) error {
	return p.change(ctx, r, func(values []string) []string {
		return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == quoted(r.value) })
	})
}

// quoted is a value as the API has it. Those of others may be of several parts.
func quoted(value string) string { return `"` + value + `"` }

// change makes other values of those of a record. What was read is removed by the same
// batch that adds what is to be there: the service does all of a batch or nothing, and
// removes a set only as it is.
func (p *route53) change(ctx context.Context, r record, edit func([]string) []string) error {
	client, err := p.api(ctx)
	if err != nil {
		return err
	}
	zone, err := p.zone(ctx, client, r)
	if err != nil {
		return err
	}
	for range changeTries {
		was, err := recordSet(ctx, client, zone, r.name)
		if err != nil {
			return err
		}
		values := valuesOf(was)
		next := edit(values)
		if slices.Equal(values, next) {
			return nil
		}
		_, err = client.ChangeResourceRecordSets(ctx, &api.ChangeResourceRecordSetsInput{
			HostedZoneId: aws.String(zone), ChangeBatch: &types.ChangeBatch{Changes: changes(was, r.name, next)},
		})
		var contended *types.InvalidChangeBatch
		if err == nil || !errors.As(err, &contended) {
			return err //nolint:wrapcheck // it names the service and the call
		}
	}
	return errContended
}

// changes are those from a set, nil where there is none, to other values.
func changes(was *types.ResourceRecordSet, name string, next []string) []types.Change {
	var all []types.Change
	if was != nil {
		all = append(all, types.Change{Action: types.ChangeActionDelete, ResourceRecordSet: was})
	}
	if len(next) == 0 {
		return all
	}
	set := &types.ResourceRecordSet{Name: aws.String(name), Type: types.RRTypeTxt, TTL: aws.Int64(int64(ttl / time.Second))}
	if was != nil {
		set.TTL = was.TTL
	}
	for _, value := range next {
		set.ResourceRecords = append(set.ResourceRecords, types.ResourceRecord{Value: aws.String(value)})
	}
	return append(all, types.Change{Action: types.ChangeActionCreate, ResourceRecordSet: set})
}

// recordSet is the set of TXT records of a name, nil when there is none.
func recordSet(ctx context.Context, client *api.Client, zone, name string) (*types.ResourceRecordSet, error) {
	answer, err := client.ListResourceRecordSets(ctx, &api.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(zone), StartRecordName: aws.String(name), StartRecordType: types.RRTypeTxt, MaxItems: aws.Int32(1),
	})
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the service and the call
	}
	for i := range answer.ResourceRecordSets {
		if s := &answer.ResourceRecordSets[i]; s.Type == types.RRTypeTxt && fqdn(aws.ToString(s.Name)) == name {
			return s, nil
		}
	}
	return nil, nil //nolint:nilnil // a name without records is nothing bad
}

func valuesOf(s *types.ResourceRecordSet) []string {
	if s == nil {
		return nil
	}
	values := make([]string, 0, len(s.ResourceRecords))
	for _, one := range s.ResourceRecords {
		values = append(values, aws.ToString(one.Value))
	}
	return values
}

// zone is the identifier of a record's zone.
func (p *route53) zone(ctx context.Context, client *api.Client, r record) (string, error) {
	if p.options.ZoneID != "" {
		return p.options.ZoneID, nil
	}
	answer, err := client.ListHostedZonesByName(ctx, &api.ListHostedZonesByNameInput{DNSName: aws.String(r.zone)})
	if err != nil {
		return "", err //nolint:wrapcheck // it names the service and the call
	}
	for _, z := range answer.HostedZones {
		if fqdn(aws.ToString(z.Name)) == r.zone && (z.Config == nil || !z.Config.PrivateZone) {
			return strings.TrimPrefix(aws.ToString(z.Id), "/hostedzone/"), nil
		}
	}
	return "", fmt.Errorf("%w: %q", errNoHostedZone, r.zone)
}
