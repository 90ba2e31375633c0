"""What the command line tools are asked, in this order: each line is a tool, as a user would call it, with the input that it gets.

A CLASS without a dot is one of org.apache.kafka.tools. --bootstrap-server is added to all but those that work on files.
{data} is the broker's log directory, {work} a directory for files that tools read and write, {moves} the first log directory of
the broker that has two.
"""

FILES = {
    "delete.json": '{"version": 1, "partitions": [{"topic": "words", "partition": 0, "offset": 1}]}',
    "move.json": '{"version": 1, "partitions": [{"topic": "words", "partition": 0, "replicas": [1]}, {"topic": "words", "partition": 1, "replicas": [1]}]}',
    "move-away.json": '{"version": 1, "partitions": [{"topic": "words", "partition": 0, "replicas": [9]}]}',
    "move-there.json": '{"version": 1, "partitions": [{"topic": "moved", "partition": 0, "replicas": [1], "log_dirs": ["{moves}2"]}]}',
    "move-back.json": '{"version": 1, "partitions": [{"topic": "moved", "partition": 0, "replicas": [1], "log_dirs": ["{moves}"]}]}',
    "move-nowhere.json": '{"version": 1, "partitions": [{"topic": "moved", "partition": 0, "replicas": [1], "log_dirs": ["/nowhere"]}]}',
    "topics.json": '{"version": 1, "topics": [{"topic": "words"}]}',
    "elect.json": '{"partitions": [{"topic": "words", "partition": 0}, {"topic": "words", "partition": 7}]}',
    "empty.properties": "",
}

INPUTS = {
    "words": "".join(f"key-{number}|word {number}\n" for number in range(9)),
    "kcat": "".join(f"key-{number}:value {number}\n" for number in range(3)),
}

# What the broker itself is asked, while it runs.
STEPS = """
TopicCommand --create --topic words --partitions 3 --config retention.ms=7200000
TopicCommand --create --topic words --partitions 3
TopicCommand --create --topic words --if-not-exists
TopicCommand --create --topic placed --replica-assignment 1
TopicCommand --create --topic nowhere --replica-assignment 7
TopicCommand --create --topic many --replication-factor 3 --partitions 1
TopicCommand --create --topic bad/name --partitions 1
TopicCommand --create --topic bad-config --partitions 1 --config no.such.config=1
TopicCommand --create --topic gone --partitions 1
TopicCommand --list
TopicCommand --describe --topic words
TopicCommand --describe --topic missing
TopicCommand --describe --topics-with-overrides
TopicCommand --describe --unavailable-partitions
TopicCommand --describe --under-replicated-partitions
TopicCommand --describe --under-min-isr-partitions
TopicCommand --describe --at-min-isr-partitions --topic words
TopicCommand --alter --topic words --partitions 4
TopicCommand --alter --topic words --partitions 2
TopicCommand --delete --topic gone
TopicCommand --delete --topic missing
TopicCommand --delete --topic missing --if-exists
ConsoleProducer --topic words --property parse.key=true --property key.separator=| < words
ConsoleProducer --topic placed --compression-codec zstd --sync < words
consumer.ConsoleConsumer --topic words --from-beginning --max-messages 9 --timeout-ms 20000 --property print.key=true --property print.partition=true --property print.offset=true
consumer.ConsoleConsumer --topic words --partition 0 --offset 0 --max-messages 1 --timeout-ms 20000
consumer.ConsoleConsumer --topic placed --group readers --from-beginning --max-messages 9 --timeout-ms 20000
GetOffsetShell --topic words
GetOffsetShell --topic words --time earliest
GetOffsetShell --topic words --time max-timestamp --partitions 9
GetOffsetShell --topic-partitions words:0,placed:.*
GetOffsetShell --exclude-internal-topics
GetOffsetShell --topic missing
kafka.admin.ConfigCommand --alter --entity-type topics --entity-name words --add-config max.message.bytes=2000000,cleanup.policy=[compact,delete]
kafka.admin.ConfigCommand --describe --entity-type topics --entity-name words
kafka.admin.ConfigCommand --alter --entity-type topics --entity-name words --delete-config max.message.bytes
kafka.admin.ConfigCommand --alter --entity-type topics --entity-name words --add-config no.such.config=1
kafka.admin.ConfigCommand --alter --entity-type topics --entity-name words --delete-config flush.ms
kafka.admin.ConfigCommand --describe --entity-type topics --entity-name missing
kafka.admin.ConfigCommand --describe --entity-type topics
kafka.admin.ConfigCommand --alter --entity-type brokers --entity-default --add-config log.retention.ms=86400000
kafka.admin.ConfigCommand --describe --entity-type brokers --entity-default
kafka.admin.ConfigCommand --alter --entity-type brokers --entity-name 1 --add-config log.cleaner.threads=2
kafka.admin.ConfigCommand --describe --entity-type brokers --entity-name 1
kafka.admin.ConfigCommand --alter --entity-type brokers --entity-name 1 --delete-config log.cleaner.threads
kafka.admin.ConfigCommand --alter --entity-type brokers --entity-name 1 --add-config node.id=7
kafka.admin.ConfigCommand --alter --entity-type groups --entity-name readers --add-config consumer.session.timeout.ms=50000
kafka.admin.ConfigCommand --describe --entity-type groups --entity-name readers
kafka.admin.ConfigCommand --alter --entity-type groups --entity-name readers --delete-config consumer.session.timeout.ms
kafka.admin.ConfigCommand --alter --entity-type client-metrics --entity-name cpu --add-config metrics=[],interval.ms=60000
kafka.admin.ConfigCommand --describe --entity-type client-metrics --entity-name cpu
kafka.admin.ConfigCommand --alter --entity-type users --entity-name anna --add-config consumer_byte_rate=1024,request_percentage=50
kafka.admin.ConfigCommand --describe --entity-type users --entity-name anna
kafka.admin.ConfigCommand --alter --entity-type users --entity-default --entity-type clients --entity-name app --add-config producer_byte_rate=2048
kafka.admin.ConfigCommand --describe --entity-type users --entity-default --entity-type clients --entity-name app
kafka.admin.ConfigCommand --alter --entity-type users --entity-name anna --delete-config consumer_byte_rate
kafka.admin.ConfigCommand --alter --entity-type ips --entity-name 10.0.0.1 --add-config connection_creation_rate=100
kafka.admin.ConfigCommand --describe --entity-type ips
kafka.admin.ConfigCommand --alter --entity-type users --entity-name bert --add-config SCRAM-SHA-256=[iterations=8192,password=secret]
kafka.admin.ConfigCommand --describe --entity-type users --entity-name bert
kafka.admin.ConfigCommand --alter --entity-type users --entity-name bert --delete-config SCRAM-SHA-256
ClientMetricsCommand --alter --name memory --metrics org.apache.kafka.producer.,org.apache.kafka.consumer. --interval 30000 --match client_id=app
ClientMetricsCommand --describe --name memory
ClientMetricsCommand --list
ClientMetricsCommand --delete --name memory
ClientMetricsCommand --describe
consumer.group.ConsumerGroupCommand --list
consumer.group.ConsumerGroupCommand --list --state
consumer.group.ConsumerGroupCommand --list --type
consumer.group.ConsumerGroupCommand --list --state empty --type classic
consumer.group.ConsumerGroupCommand --describe --group readers
consumer.group.ConsumerGroupCommand --describe --group readers --state --verbose
consumer.group.ConsumerGroupCommand --describe --group readers --members --verbose
consumer.group.ConsumerGroupCommand --describe --all-groups --offsets
consumer.group.ConsumerGroupCommand --describe --group missing
consumer.group.ConsumerGroupCommand --reset-offsets --group readers --topic placed --to-earliest --dry-run
consumer.group.ConsumerGroupCommand --reset-offsets --group readers --topic placed:0 --to-offset 2 --execute
consumer.group.ConsumerGroupCommand --reset-offsets --group readers --topic placed --shift-by 1 --execute
consumer.group.ConsumerGroupCommand --reset-offsets --group readers --all-topics --to-current --export --dry-run
consumer.group.ConsumerGroupCommand --reset-offsets --group readers --topic placed --by-duration PT1H --dry-run
consumer.group.ConsumerGroupCommand --delete-offsets --group readers --topic placed
consumer.group.ConsumerGroupCommand --delete-offsets --group readers --topic missing
consumer.group.ConsumerGroupCommand --delete --group missing
GroupsCommand --list
GroupsCommand --list --consumer
GroupsCommand --list --group-type classic
GroupsCommand --list --protocol consumer
consumer.group.ConsumerGroupCommand --delete --group readers
kafka.admin.ConfigCommand --alter --entity-type groups --entity-name queue --add-config share.auto.offset.reset=earliest
consumer.ConsoleShareConsumer --topic placed --group queue --max-messages 9 --timeout-ms 20000
consumer.group.ShareGroupCommand --list
consumer.group.ShareGroupCommand --list --state
consumer.group.ShareGroupCommand --describe --group queue
consumer.group.ShareGroupCommand --describe --group queue --state
consumer.group.ShareGroupCommand --describe --group queue --members --verbose
consumer.group.ShareGroupCommand --describe --group missing
consumer.group.ShareGroupCommand --reset-offsets --group queue --topic placed --to-earliest --dry-run
consumer.group.ShareGroupCommand --reset-offsets --group queue --topic placed --to-latest --execute
consumer.group.ShareGroupCommand --delete-offsets --group queue --topic placed
consumer.group.ShareGroupCommand --delete --group queue
streams.StreamsGroupCommand --list
streams.StreamsGroupCommand --describe --group missing
streams.StreamsGroupCommand --delete --group missing
StreamsResetter --application-id counter --input-topics words --dry-run
ProducerPerformance --topic speed --num-records 200 --record-size 100 --throughput -1
ConsumerPerformance --topic speed --num-records 200 --timeout 20000 --hide-header
ShareConsumerPerformance --topic speed --num-records 1 --timeout 500 --hide-header --group performance
EndToEndLatency --topic speed --num-records 5 --producer-acks all --record-size 20
DeleteRecordsCommand --offset-json-file {work}/delete.json
LogDirsCommand --describe --topic-list words
LogDirsCommand --describe --broker-list 1,9 --topic-list words
LeaderElectionCommand --election-type preferred --all-topic-partitions
LeaderElectionCommand --election-type preferred --topic words --partition 0
LeaderElectionCommand --election-type unclean --topic words --partition 0
LeaderElectionCommand --election-type preferred --path-to-json-file {work}/elect.json
reassign.ReassignPartitionsCommand --generate --topics-to-move-json-file {work}/topics.json --broker-list 1
reassign.ReassignPartitionsCommand --execute --reassignment-json-file {work}/move.json
reassign.ReassignPartitionsCommand --verify --reassignment-json-file {work}/move.json
reassign.ReassignPartitionsCommand --execute --reassignment-json-file {work}/move-away.json
reassign.ReassignPartitionsCommand --cancel --reassignment-json-file {work}/move.json
reassign.ReassignPartitionsCommand --list
TransactionsCommand list
TransactionsCommand describe --transactional-id missing
TransactionsCommand describe-producers --topic words --partition 0
TransactionsCommand find-hanging --topic words
TransactionsCommand find-hanging --broker-id 1
FeatureCommand describe
FeatureCommand upgrade --feature group.version=1 --dry-run
FeatureCommand upgrade --release-version 4.3 --dry-run
FeatureCommand downgrade --feature share.version=0 --dry-run
FeatureCommand upgrade --feature no.such.version=1
FeatureCommand upgrade --feature share.version=9
FeatureCommand version-mapping --release-version 4.3
FeatureCommand feature-dependencies --feature transaction.version=2
MetadataQuorumCommand describe --status
MetadataQuorumCommand describe --replication
MetadataQuorumCommand describe --replication --human-readable
MetadataQuorumCommand remove-controller --controller-id 1 --controller-directory-id AAAAAAAAAAAAAAAAAAAABQ
ClusterTool cluster-id
ClusterTool list-endpoints
ClusterTool list-endpoints --include-fenced-brokers
ClusterTool unregister --id 9
AclCommand --list
AclCommand --add --allow-principal User:anna --operation read --topic words
AclCommand --remove --allow-principal User:anna --operation read --topic words --force
DelegationTokenCommand --create --max-life-time-period -1 --renewer-principal User:anna --command-config {work}/empty.properties
DelegationTokenCommand --describe --owner-principal User:anna --command-config {work}/empty.properties
DelegationTokenCommand --renew --renew-time-period -1 --hmac AAAA --command-config {work}/empty.properties
DelegationTokenCommand --expire --expiry-time-period -1 --hmac AAAA --command-config {work}/empty.properties
BrokerApiVersionsCommand
"""

# Programs of others: kcat, which is librdkafka's, and kadm (clients/go/kadm), the administration of franz-go that rpk and web
# consoles are built on. They are called with the broker's address first, on a broker of their own with two topics.
BEFORE_OTHERS = """
TopicCommand --create --topic words --partitions 3 --config retention.ms=7200000
TopicCommand --create --topic placed --replica-assignment 1
"""
OTHER_STEPS = """
kcat -L -t words
kcat -L -J -t placed
kcat -P -t kcat -p 0 -K : < kcat
kcat -P -t kcat -p 0 -z snappy -H name=value < kcat
kcat -C -t kcat -p 0 -o beginning -e -q -f '%p:%o:%k:%s:%h\\n'
kcat -C -t kcat -p 0 -o -2 -e -q
kcat -C -t kcat -p 0 -o beginning -c 1 -q
kcat -Q -t kcat:0:-1
kcat -Q -t kcat:0:-2
kcat -Q -t kcat:0:1
kcat -G kcat-group -X auto.offset.reset=earliest -c 6 -q kcat
kcat -G kcat-group -X auto.offset.reset=earliest -e -q kcat
kcat -C -t missing -p 0 -e -q -X allow.auto.create.topics=false
kadm
"""

# A replica goes from one log directory to another and back, on a broker that has two: where it is at first is Kafka's choice.
BEFORE_MOVES = """
TopicCommand --create --topic moved --partitions 1
ConsoleProducer --topic moved --property parse.key=true --property key.separator=| < words
reassign.ReassignPartitionsCommand --execute --reassignment-json-file {work}/move-back.json
reassign.ReassignPartitionsCommand --verify --reassignment-json-file {work}/move-back.json
"""
MOVE_STEPS = """
LogDirsCommand --describe --topic-list moved
reassign.ReassignPartitionsCommand --execute --reassignment-json-file {work}/move-nowhere.json
reassign.ReassignPartitionsCommand --execute --reassignment-json-file {work}/move-there.json --replica-alter-log-dirs-throttle 100000000
reassign.ReassignPartitionsCommand --verify --reassignment-json-file {work}/move-there.json
kafka.admin.ConfigCommand --alter --entity-type brokers --entity-name 1 --add-config replica.alter.log.dirs.io.max.bytes.per.second=-1
LogDirsCommand --describe --broker-list 1 --topic-list moved
ConsoleProducer --topic moved --sync --property parse.key=true --property key.separator=| < words
consumer.ConsoleConsumer --topic moved --from-beginning --max-messages 18 --timeout-ms 20000 --property print.key=true --property print.offset=true
reassign.ReassignPartitionsCommand --execute --reassignment-json-file {work}/move-back.json
reassign.ReassignPartitionsCommand --verify --reassignment-json-file {work}/move-back.json
consumer.ConsoleConsumer --topic moved --partition 0 --offset 9 --max-messages 9 --timeout-ms 20000 --property print.offset=true
"""

# What is asked of the files, once the broker has stopped.
FILE_STEPS = """
DumpLogSegments --print-data-log --files {data}/words-0/00000000000000000000.log
DumpLogSegments --index-sanity-check --files {data}/words-0/00000000000000000000.index
DumpLogSegments --verify-index-only --files {data}/words-0/00000000000000000000.timeindex
DumpLogSegments --deep-iteration --print-data-log --files {data}/placed-0/00000000000000000000.log
kafka.tools.StorageTool info --config {work}/server.properties
kafka.tools.StorageTool format --cluster-id AAAAAAAAAAAAAAAAAAAABQ --config {work}/server.properties
kafka.tools.StorageTool format --ignore-formatted --cluster-id AAAAAAAAAAAAAAAAAAAABQ --config {work}/server.properties
kafka.tools.StorageTool version-mapping --release-version 4.3
org.apache.kafka.shell.MetadataShell --snapshot {data}/bootstrap.checkpoint ls image
org.apache.kafka.shell.MetadataShell --snapshot {data}/bootstrap.checkpoint ls image/features
org.apache.kafka.shell.MetadataShell --snapshot {data}/bootstrap.checkpoint tree image/features
org.apache.kafka.shell.MetadataShell --snapshot {data}/__cluster_metadata-0/00000000000000000000.log ls image
"""


def steps(text):
    return [line.strip() for line in text.strip().splitlines()]
