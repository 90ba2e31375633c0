"""Kafka's command line tools for share groups: the console consumer, the verifiable consumer, and the groups command."""

from suite import await_value, check, expect

COMMAND = "org.apache.kafka.tools.consumer.group.ShareGroupCommand"
CONSUMER = "org.apache.kafka.tools.consumer.ConsoleShareConsumer"


def consume_in_share_groups(tools, name):
    topic, group = f"{name}-queue", f"{name}-share"
    values = [f"task {n}" for n in range(30)]

    def consumed(count, *words):
        """A consumer takes whole batches, and gives back at its end what it has not told of."""
        return tools.lines(CONSUMER, "--topic", topic, "--group", group, "--max-messages", count, "--timeout-ms", 20_000, *words)

    with check("share consumers"):
        tools.topics("--create", "--topic", topic, "--partitions", 1)
        tools.alter("groups", "--add-config", "share.auto.offset.reset=earliest", name=group)
        tools.run("ConsoleProducer", "--topic", topic, stdin="".join(value + "\n" for value in values).encode())
        expect("accepted", consumed(10), values[:10])
        expect("released", consumed(5, "--release"), values[10:15])
        expect("rejected", consumed(5, "--reject"), values[10:15])
        events = tools.events("org.apache.kafka.tools.VerifiableShareConsumer", "--topic", topic, "--group-id", group,
                              "--max-messages", 15, "--offset-reset-strategy", "earliest")
        acknowledged = [event["count"] for event in events if event["name"] == "offsets_acknowledged"]
        expect("acknowledged by the verifiable consumer", sum(acknowledged), 15, events[-3:])

    def described():
        """The start offset and the lag, which the group has in the topic."""
        lines = [line.split() for line in tools.lines(COMMAND, "--describe", "--group", group, "--offsets")]
        return [(words[2], *words[3:5]) for words in lines if words[:2] == [group, topic]]

    with check("share group admin"):
        states = [line.split() for line in tools.lines(COMMAND, "--list", "--state")]
        expect("state", [words[-1] for words in states if words and words[0] == group], ["Empty"])
        # What is dealt with at the end moves the start offset with the next write only, but not the lag (KIP-1226).
        await_value(described, lambda shown: [lag for _, _, lag in shown] == ["0"])
        said = tools.lines(COMMAND, "--group", group, "--topic", topic, "--reset-offsets", "--to-earliest", "--execute")
        expect("reset", said[-1].split(), [group, topic, "0", "0"])
        expect("after the reset", described(), [("0", "0", "30")])
        expect("read again", consumed(3), values[:3])
        tools.run(COMMAND, "--group", group, "--topic", topic, "--delete-offsets")
        await_value(described, lambda shown: shown == [])
        tools.run(COMMAND, "--group", group, "--delete")
        await_value(lambda: tools.lines(COMMAND, "--list"), lambda groups: group not in groups)
