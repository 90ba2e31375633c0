"""Apache Kafka's command line tools, with the arguments and the input that a user would give; they share one Java machine."""

import base64
import json
import os
import subprocess
import sys

from console_share import consume_in_share_groups
from suite import check, decoded, expect, await_value

NULL = "<null>"
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
COMMAND = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"


class Tools:
    """JAVA in the environment is how to start a machine, here with java/Tools.java."""

    def __init__(self, address):
        self.address = address
        self.java = json.loads(os.environ["JAVA"])
        self.machine = subprocess.Popen([*self.java, "Tools"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, class_name, *arguments, stdin=b""):
        if "." not in class_name:
            class_name = "org.apache.kafka.tools." + class_name
        words = ["--bootstrap-server", self.address, *map(str, arguments)]
        self.machine.stdin.write(json.dumps({"class": class_name, "arguments": words, "input": base64.b64encode(stdin).decode()}) + "\n")
        self.machine.stdin.flush()
        ended = json.loads(self.machine.stdout.readline())
        output, errors = (base64.b64decode(ended[stream]) for stream in ("output", "errors"))
        errors = errors.decode(errors="replace")
        sys.stderr.write(errors)
        if ended["status"] != 0:
            said = (output.decode(errors="replace") + errors).split("\n\tat ")[0]
            raise AssertionError(f"{class_name} ended with status {ended['status']}: {said}")
        return output

    def events(self, class_name, *arguments):
        """Of a tool that needs a machine of its own, and writes lines of JSON."""
        tool = subprocess.run([*self.java, class_name, "--bootstrap-server", self.address, *map(str, arguments)],
                              stdout=subprocess.PIPE, text=True, timeout=60)
        expect(f"status of {class_name}", tool.returncode, 0, tool.stdout[-300:])
        return [json.loads(line) for line in tool.stdout.splitlines() if line.startswith("{")]

    def lines(self, class_name, *arguments):
        return self.run(class_name, *arguments).decode().splitlines()

    def topics(self, *arguments):
        return self.lines("TopicCommand", *arguments)

    def config(self, kind, name, key):
        """-> "value source" of one config, from a line such as  key=value sensitive=false synonyms={SOURCE:key=value, ...}"""
        for line in self.lines("kafka.admin.ConfigCommand", "--describe", "--all", f"--entity-type={kind}", f"--entity-name={name}"):
            config, _, rest = line.strip().partition(" ")
            if config.startswith(key + "="):
                return f"{config.partition('=')[2]} {rest.partition('synonyms={')[2].partition(':')[0]}"

    def own_configs(self, kind, name):
        """The configs that were set for this one, by name."""
        lines = self.lines("kafka.admin.ConfigCommand", "--describe", f"--entity-type={kind}", f"--entity-name={name}")
        configs = [line.strip().partition(" sensitive=")[0] for line in lines if " sensitive=" in line]
        return dict(config.split("=", 1) for config in configs)

    def alter(self, kind, *arguments, name=None):
        entity = "--entity-default" if name is None else f"--entity-name={name}"
        self.run("kafka.admin.ConfigCommand", "--alter", f"--entity-type={kind}", entity, *arguments)


def write(tools, name, manifest):
    [topic] = [each["topic"] for each in manifest["writers"][name]]

    with check("create topics"):
        configs = [word for key, value in manifest["topic_configs"].items() for word in ("--config", f"{key}={value}")]
        said = tools.topics("--create", "--topic", topic, "--partitions", 1, *configs)
        expect("answer", said[-1], f"Created topic {topic}.")

    with check("describe topics"):
        head, partition = await_value(lambda: tools.topics("--describe", "--topic", topic), lambda lines: len(lines) == 2)
        expect("partition count", "PartitionCount: 1\t" in head and "retention.ms=-1" in head, True, head)
        leader = partition.split("Leader: ")[1].split("\t")[0]
        for part in (f"Replicas: {leader}\t", f"Isr: {leader}\t"):
            expect(part, part in partition + "\t", True, partition)

    with check("describe configs"):
        expect("retention.ms", tools.config("topics", topic, "retention.ms"), "-1 DYNAMIC_TOPIC_CONFIG")
        expect("log.segment.bytes", tools.config("brokers", leader, "log.segment.bytes"), "1073741824 DEFAULT_CONFIG")

    with check("alter configs"):
        alter_topic(tools, topic)
        alter_brokers(tools, leader)

    with check("api versions"):
        shown = {}
        for line in tools.lines("BrokerApiVersionsCommand"):
            api, colon, versions = line.strip().rstrip(",").partition(": ")
            if colon and "[usable: " in versions:
                # One version alone is shown as "0", a range as "0 to 13".
                first, _, last = versions.split(" [")[0].partition(" to ")
                shown[int(api.partition("(")[2].rstrip(")"))] = [int(first), int(last or first)]
        expect("table", dict(sorted(shown.items())), {int(key): versions for key, versions in manifest["apis"].items()})

    records = manifest["record_sets"]["text"]
    batch = len(records) // len(CODECS)
    for n, codec in enumerate(CODECS):
        with check(f"produce {codec}"):
            tools.run("ConsoleProducer", "--topic", topic, "--compression-codec", codec,
                      "--reader-property", "parse.key=true", "--reader-property", "parse.headers=true",
                      "--reader-property", f"null.marker={NULL}",
                      stdin=b"".join(input_line(record) for record in records[n * batch:(n + 1) * batch]))

    with check("list offsets"):
        for time, offset in {"latest": len(records), "0": 0}.items():
            expect(f"at {time}", tools.lines("GetOffsetShell", "--topic", topic, "--time", time), [f"{topic}:0:{offset}"])

    doomed = f"{name}-doomed"
    with check("create partitions"):
        tools.topics("--create", "--topic", doomed, "--partitions", 2)
        tools.topics("--alter", "--topic", doomed, "--partitions", 4)
        await_value(lambda: tools.topics("--describe", "--topic", doomed)[0], lambda head: "PartitionCount: 4\t" in head)

    consume_in_groups(tools, name, topic, len(records))
    consume_in_share_groups(tools, name)
    verify(tools, name)
    transact(tools, name)

    with check("delete topic"):
        tools.topics("--delete", "--topic", doomed)
        await_value(lambda: tools.topics("--list"), lambda names: doomed not in names and topic in names)


def consume_in_groups(tools, name, topic, written):
    group = f"{name}-group"

    def consumed(count, wanted):
        """Consumers end when nothing more has come for a while: only then do they commit."""
        output = tools.run("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", topic, "--group", group,
                           "--command-property", "auto.offset.reset=earliest", "--max-messages", count,
                           "--timeout-ms", 10000, "--formatter-property", "print.offset=true",
                           "--formatter-property", "print.value=false")
        expect("offsets", [int(line.partition(":")[2]) for line in output.decode().splitlines()], wanted)

    def described():
        lines = [line.split() for line in tools.lines(COMMAND, "--describe", "--group", group)]
        return [(words[1], int(words[3]), int(words[5])) for words in lines if len(words) > 5 and words[0] == group]

    with check("group resumes"):
        consumed(10, list(range(10)))
        consumed(5, list(range(10, 15)))
        expect("described", described(), [(topic, 15, written - 15)])

    with check("group admin"):
        states = [line.split() for line in tools.lines(COMMAND, "--list", "--state")]
        expect("state", [words[-1] for words in states if words and words[0] == group], ["Empty"])
        said = tools.lines(COMMAND, "--group", group, "--topic", topic, "--reset-offsets", "--to-offset", 3, "--execute")
        expect("reset", said[-1].split(), [group, topic, "0", "3"])
        tools.run(COMMAND, "--group", group, "--topic", topic, "--delete-offsets")
        tools.run(COMMAND, "--group", group, "--delete")


def verify(tools, name):
    """The tools that Kafka's own system tests are made of."""
    topic, count = f"{name}-verified", 1000
    tools.topics("--create", "--topic", topic, "--partitions", 4)

    of_all = ("--topic", topic, "--max-messages", count)

    with check("verifiable producer"):
        events = tools.events("org.apache.kafka.tools.VerifiableProducer", *of_all, "--repeating-keys", 7)
        expect("sent", sum(event["name"] == "producer_send_success" for event in events), count)
        [data] = [event for event in events if event["name"] == "tool_data"]
        expect("sent and acknowledged", (data["sent"], data["acked"]), (count, count))

    with check("verifiable consumer"):
        events = tools.events("org.apache.kafka.tools.VerifiableConsumer", *of_all, "--group-id", topic, "--reset-policy", "earliest")
        expect("consumed", sum(event["count"] for event in events if event["name"] == "records_consumed"), count)
        commits = [event for event in events if event["name"] == "offsets_committed"]
        expect("commits", [commit["success"] for commit in commits], [True] * len(commits))
        last = {each["partition"]: each["offset"] for commit in commits for each in commit["offsets"]}
        expect("committed", sum(last.values()), count)


def transact(tools, name):
    """What Kafka's tool for transactions tells of one that is over."""
    topic, transactional_id = f"{name}-transacted", f"{name}-transactional"
    tool = "org.apache.kafka.tools.TransactionsCommand"

    def table(*arguments):
        heads, *rows = [line.split("\t") for line in tools.lines(tool, *arguments) if "\t" in line]
        return [{head.strip(): cell.strip() for head, cell in zip(heads, row)} for row in rows]

    with check("transactions"):
        tools.topics("--create", "--topic", topic, "--partitions", 1)
        tools.run("ProducerPerformance", "--topic", topic, "--num-records", 100, "--record-size", 10, "--throughput", -1,
                  "--transactional-id", transactional_id, "--transaction-duration-ms", 60_000)
        listed = lambda: table("list", "--transactional-id-pattern", f"{name}-transact.*")
        await_value(listed, lambda rows: [row["TransactionState"] for row in rows] == ["CompleteCommit"])
        [listing] = listed()
        expect("listed", listing["TransactionalId"], transactional_id)
        [described] = table("describe", "--transactional-id", transactional_id)
        [producer] = table("describe-producers", "--topic", topic, "--partition", 0)
        of = "ProducerId"
        expect("producers", (described[of], producer[of]), (listing[of], listing[of]))
        expect("partitions and open transactions", (described["TopicPartitions"], producer["CurrentTransactionStartOffset"]), ("", "None"))
        expect("hanging", table("find-hanging", "--topic", topic), [])


def alter_topic(tools, topic):
    """Brackets stand around a value with commas in it. The tool deletes only what it finds."""
    tools.alter("topics", "--add-config", "flush.ms=60000,cleanup.policy=[compact,delete]", name=topic)
    tools.alter("topics", "--add-config", "flush.messages=1000", "--delete-config", "flush.ms,cleanup.policy", name=topic)
    wanted = {"flush.messages": "1000", "retention.ms": "-1"}
    await_value(lambda: tools.own_configs("topics", topic), lambda own: own == wanted)


def alter_brokers(tools, broker):
    """What is set for all brokers is the default of each."""
    tools.alter("brokers", "--add-config", "log.cleaner.backoff.ms=14000")
    await_value(lambda: tools.config("brokers", broker, "log.cleaner.backoff.ms"),
                lambda config: config == "14000 DYNAMIC_DEFAULT_BROKER_CONFIG")
    tools.alter("brokers", "--delete-config", "log.cleaner.backoff.ms")


def read(tools, manifest):
    """Each consumer is a Java machine of its own, so of each writer only one partition, of the last codec."""
    for writer, topics in manifest["writers"].items():
        with check(f"read {writer}"):
            topic = next((each for each in topics if each["check"] == CODECS[-1]), topics[-1])
            read_partition(tools, topic["topic"], 0, 0, records_of(manifest, topic))

    with check("seek"):
        topic = next(iter(manifest["writers"].values()))[0]
        records = records_of(manifest, topic)
        read_partition(tools, topic["topic"], 0, len(records) // 2, records)


def records_of(manifest, topic):
    return [record for record in manifest["record_sets"][topic["record_set"]] if record["partition"] == 0]


def read_partition(tools, topic, partition, start, records):
    has_time = records[0]["timestamp_ms"] is not None
    properties = {"print.timestamp": str(has_time).lower(), "print.partition": "true", "print.offset": "true",
                  "print.headers": "true", "print.key": "true", "null.literal": NULL}
    words = [word for key, value in properties.items() for word in ("--formatter-property", f"{key}={value}")]
    output = tools.run("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", topic, "--partition", partition,
                       "--offset", start, "--max-messages", len(records) - start, "--timeout-ms", 20000, *words)
    wanted = b"".join(output_line(partition, start + n, record) for n, record in enumerate(records[start:]))
    at = next((n for n, (left, right) in enumerate(zip(output, wanted)) if left != right), min(len(output), len(wanted)))
    expect(f"{topic}-{partition}: {len(output)} bytes, expected {len(wanted)}; from byte {at} on", output[at:at + 60], wanted[at:at + 60])


def input_line(record):
    headers = b",".join(name.encode() + b":" + or_null(value) for name, value in record["headers"])
    return b"\t".join([headers or NULL.encode(), or_null(record["key"]), or_null(record["value"])]) + b"\n"


def output_line(partition, offset, record):
    parts = [b"Partition:%d" % partition, b"Offset:%d" % offset]
    if record["timestamp_ms"] is not None:
        parts.insert(0, b"CreateTime:%d" % record["timestamp_ms"])
    headers = b",".join(name.encode() + b":" + or_null(value) for name, value in record["headers"])
    return b"\t".join([*parts, headers or b"NO_HEADERS", or_null(record["key"]), or_null(record["value"])]) + b"\n"


def or_null(data):
    return NULL.encode() if data is None else data


def main():
    name, phase, address, manifest_path = sys.argv[1:]
    with open(manifest_path) as file:
        manifest = json.load(file)
    manifest["record_sets"] = {key: [decoded(record) for record in records] for key, records in manifest["record_sets"].items()}
    if phase == "write":
        write(Tools(address), name, manifest)
    else:
        read(Tools(address), manifest)


main()
