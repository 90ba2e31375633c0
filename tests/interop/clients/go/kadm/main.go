// kadm, the administration of franz-go, as rpk and web consoles call it: asks a broker everything that it can ask, and prints a
// line for each call with what came back. What no two brokers have in common (ids, times, places, order) is left out, so that the
// lines of two brokers can be compared.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"sort"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	topic = "kadm"
	group = "kadm-group"
)

func main() {
	client, err := kgo.NewClient(kgo.SeedBrokers(os.Args[1]), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 45*time.Second)
	defer cancel()
	admin := kadm.NewClient(client)
	topics(ctx, client, admin)
	groups(ctx, admin)
	cluster(ctx, admin)
	security(ctx, admin)
	say("DeleteTopics")(admin.DeleteTopics(ctx, topic, "missing"))
}

func topics(ctx context.Context, client *kgo.Client, admin *kadm.Client) {
	set := kadm.TopicsSet{topic: {0: {}, 1: {}}, "missing": {0: {}}}
	value := func(value string) *string { return &value }
	say("ValidateCreateTopics")(admin.ValidateCreateTopics(ctx, 2, 1, nil, topic))
	say("CreateTopics")(admin.CreateTopics(ctx, 2, 1, map[string]*string{"retention.ms": value("7200000")}, topic, "bad/name"))
	say("CreateTopics again")(admin.CreateTopics(ctx, 2, 1, nil, topic))
	say("CreatePartitions")(admin.CreatePartitions(ctx, 1, topic, "missing"))
	say("UpdatePartitions")(admin.UpdatePartitions(ctx, 2, topic))
	for number := range 4 {
		record := kgo.Record{Topic: topic, Partition: int32(number % 2), Value: []byte("value")}
		say("Produce")(nil, client.ProduceSync(ctx, &record).FirstErr())
	}
	say("ListTopics")(admin.ListTopics(ctx, topic, "missing"))
	say("DescribeTopicConfigs")(admin.DescribeTopicConfigs(ctx, topic, "missing"))
	configs := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: value("2000000")}}
	say("ValidateAlterTopicConfigs")(admin.ValidateAlterTopicConfigs(ctx, configs, topic, "missing"))
	say("AlterTopicConfigs")(admin.AlterTopicConfigs(ctx, configs, topic, "missing"))
	say("AlterTopicConfigsState")(admin.AlterTopicConfigsState(ctx, configs, topic))
	say("ListStartOffsets")(admin.ListStartOffsets(ctx, topic, "missing"))
	say("ListEndOffsets")(admin.ListEndOffsets(ctx, topic, "missing"))
	say("ListCommittedOffsets")(admin.ListCommittedOffsets(ctx, topic))
	say("ListOffsetsAfterMilli")(admin.ListOffsetsAfterMilli(ctx, 1, topic))
	say("ListLocalLogStartOffsets")(admin.ListLocalLogStartOffsets(ctx, topic))
	var epochs kadm.OffsetForLeaderEpochRequest
	epochs.Add(topic, 0, 0)
	say("OffsetForLeaderEpoch")(admin.OffsetForLeaderEpoch(ctx, epochs))
	var deleted kadm.Offsets
	deleted.Add(kadm.Offset{Topic: topic, Partition: 0, At: 1})
	say("DeleteRecords")(admin.DeleteRecords(ctx, deleted))
	say("DescribeProducers")(admin.DescribeProducers(ctx, set))
	say("DescribeAllLogDirs")(admin.DescribeAllLogDirs(ctx, kadm.TopicsSet{topic: {0: {}, 1: {}}}))
	say("ElectLeaders preferred")(admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, set))
	say("ElectLeaders unclean")(admin.ElectLeaders(ctx, kadm.ElectLiveReplica, set))
	var moved kadm.AlterPartitionAssignmentsReq
	moved.Assign(topic, 0, []int32{1})
	moved.Assign(topic, 1, []int32{9})
	moved.CancelAssign("missing", 0)
	say("AlterPartitionAssignments")(admin.AlterPartitionAssignments(ctx, moved))
	say("ListPartitionReassignments")(admin.ListPartitionReassignments(ctx, set))
}

func groups(ctx context.Context, admin *kadm.Client) {
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 1, LeaderEpoch: -1})
	say("CommitOffsets")(admin.CommitOffsets(ctx, group, offsets))
	say("FetchOffsets")(admin.FetchOffsets(ctx, group))
	say("FetchOffsetsForTopics")(admin.FetchOffsetsForTopics(ctx, group, topic))
	say("FetchManyOffsets")(admin.FetchManyOffsets(ctx, group, "missing"), nil)
	say("ListGroups")(admin.ListGroups(ctx, "Empty"))
	say("ListGroupsByType")(admin.ListGroupsByType(ctx, []string{"streams"}))
	say("DescribeGroups")(admin.DescribeGroups(ctx, group, "missing"))
	say("DescribeConsumerGroups")(admin.DescribeConsumerGroups(ctx, group, "missing"))
	say("DescribeShareGroups")(admin.DescribeShareGroups(ctx, group, "missing"))
	say("DescribeShareGroupOffsets")(admin.DescribeShareGroupOffsets(ctx, "missing"))
	say("AlterShareGroupOffsets")(admin.AlterShareGroupOffsets(ctx, "kadm-share", offsets))
	say("DescribeShareGroupOffsets altered")(admin.DescribeShareGroupOffsets(ctx, "kadm-share"))
	say("DeleteShareGroupOffsets")(admin.DeleteShareGroupOffsets(ctx, "kadm-share", topic, "missing"))
	say("FindGroupCoordinators")(admin.FindGroupCoordinators(ctx, group), nil)
	say("Lag")(admin.Lag(ctx, group))
	say("DeleteOffsets")(admin.DeleteOffsets(ctx, group, kadm.TopicsSet{topic: {0: {}}}))
	say("LeaveGroup")(admin.LeaveGroup(ctx, kadm.LeaveGroup(group).InstanceIDs("nobody")))
	say("DeleteGroups")(admin.DeleteGroups(ctx, group, "missing", "kadm-share"))
}

func cluster(ctx context.Context, admin *kadm.Client) {
	say("BrokerMetadata")(admin.BrokerMetadata(ctx))
	say("ListBrokers")(admin.ListBrokers(ctx))
	say("ListConfigResources")(admin.ListConfigResources(ctx))
	value := "2"
	configs := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "log.cleaner.threads", Value: &value}}
	say("ValidateAlterBrokerConfigs")(admin.ValidateAlterBrokerConfigs(ctx, configs, 1))
	say("AlterBrokerConfigs")(admin.AlterBrokerConfigs(ctx, configs, 1))
	configs[0].Op = kadm.DeleteConfig
	say("AlterBrokerConfigs delete")(admin.AlterBrokerConfigs(ctx, configs, 1))
	update := kadm.FeatureUpdate{Feature: "share.version", MaxVersionLevel: 9, UpgradeType: 1}
	say("UpdateFeatures")(admin.UpdateFeatures(ctx, true, update))
	say("ListTransactions")(admin.ListTransactions(ctx, nil, []string{"Ongoing"}))
	markers := kadm.TxnMarkers{ProducerID: 7, Topics: kadm.TopicsSet{"missing": {0: {}}}}
	say("WriteTxnMarkers")(admin.WriteTxnMarkers(ctx, markers))
}

func security(ctx context.Context, admin *kadm.Client) {
	rules := kadm.NewACLs().Topics(topic).Allow("User:anna").AllowHosts("*").Operations(kadm.OpRead).ResourcePatternType(kadm.ACLPatternLiteral)
	say("CreateACLs")(admin.CreateACLs(ctx, rules))
	say("DescribeACLs")(admin.DescribeACLs(ctx, rules))
	say("DeleteACLs")(admin.DeleteACLs(ctx, rules))
	say("CreateDelegationToken")(admin.CreateDelegationToken(ctx, kadm.CreateDelegationToken{MaxLifetime: time.Hour}))
	say("DescribeDelegationTokens")(admin.DescribeDelegationTokens(ctx))
	_, err := admin.RenewDelegationToken(ctx, []byte("mac"), time.Hour)
	say("RenewDelegationToken")(nil, err)
	_, err = admin.ExpireDelegationToken(ctx, []byte("mac"), time.Hour)
	say("ExpireDelegationToken")(nil, err)
	err = nil
	name := "anna"
	entity := kadm.ClientQuotaEntity{{Type: "user", Name: &name}}
	ops := []kadm.AlterClientQuotaOp{{Key: "producer_byte_rate", Value: 1000}}
	say("AlterClientQuotas")(admin.AlterClientQuotas(ctx, []kadm.AlterClientQuotaEntry{{Entity: entity, Ops: ops}}))
	// Kafka's broker learns of it some time after its controller has answered.
	var quotas kadm.DescribedClientQuotas
	for len(quotas) == 0 && err == nil {
		component := kadm.DescribeClientQuotaComponent{Type: "user", MatchName: &name, MatchType: kmsg.QuotasMatchTypeExact}
		quotas, err = admin.DescribeClientQuotas(ctx, true, []kadm.DescribeClientQuotaComponent{component})
	}
	say("DescribeClientQuotas")(quotas, err)
	ops[0].Remove = true
	say("AlterClientQuotas remove")(admin.AlterClientQuotas(ctx, []kadm.AlterClientQuotaEntry{{Entity: entity, Ops: ops}}))
	upsert := kadm.UpsertSCRAM{User: "kadm-user", Mechanism: kadm.ScramSha256, Iterations: 4096, Password: "secret"}
	say("AlterUserSCRAMs")(admin.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{upsert}))
	say("DescribeUserSCRAMs")(admin.DescribeUserSCRAMs(ctx, "kadm-user", "missing"))
	remove := kadm.DeleteSCRAM{User: "kadm-user", Mechanism: kadm.ScramSha256}
	say("AlterUserSCRAMs delete")(admin.AlterUserSCRAMs(ctx, []kadm.DeleteSCRAM{remove}, nil))
}

// say prints what came of a call.
func say(call string) func(any, error) {
	return func(answer any, err error) {
		said, failed := json.Marshal(answer)
		var plain any
		if failed == nil {
			failed = json.Unmarshal(said, &plain)
		}
		if failed == nil {
			said, failed = json.Marshal(without(plain))
		}
		if failed != nil {
			said = fmt.Appendf(nil, "%T", answer)
		}
		fmt.Printf("%s: %v %s\n", call, err, said)
	}
}

var unlike = regexp.MustCompile(`^(Cluster|Dir|Port|Size|.*Timestamp|Host|LeaderEpoch|Broker|TotalBytes|UsableBytes|ID)$`)

// An id, and that of nothing, which all brokers share.
var id = regexp.MustCompile(`^[A-Za-z0-9+/]{22}==$`)

const none = "AAAAAAAAAAAAAAAAAAAAAA=="

// without drops what no two brokers have in common.
func without(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, each := range value {
			if unlike.MatchString(key) {
				value[key] = "~"
			} else {
				value[key] = without(each)
			}
		}
	case string:
		if id.MatchString(value) && value != none {
			return "ID"
		}
	case []any:
		if len(value) == 16 {
			if _, isNumber := value[0].(float64); isNumber {
				return "ID"
			}
		}
		for index, each := range value {
			value[index] = without(each)
		}
		// Some lists are in the order of a hash.
		sort.Slice(value, func(one, other int) bool { return fmt.Sprint(value[one]) < fmt.Sprint(value[other]) })
	}
	return value
}
