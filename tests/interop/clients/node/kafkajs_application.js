// kafkajs as an application: see application.js. It knows no static members.

const { Kafka, logLevel } = require('kafkajs')
const { serve, transformed, pause } = require('./application.js')

const kafka = new Kafka({
  brokers: [process.argv[4]],
  logLevel: logLevel.ERROR,
  retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 100 },
})
const admin = kafka.admin()
const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false })
const isConnected = Promise.all([admin.connect(), producer.connect()])

const messages = (values) => values.map(([partition, value]) => ({ partition, value }))

// Runs a consumer whose `each` is called with a batch's records; -> a function that leaves.
async function consume(member, { group, topic, isolation }, each) {
  const consumer = kafka.consumer({
    groupId: group,
    sessionTimeout: 30_000,
    heartbeatInterval: 200,
    maxWaitTimeInMs: 100,
    readUncommitted: isolation === 'read_uncommitted',
    allowAutoTopicCreation: false,
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch, isStale, isRunning }) => {
      if (isStale() || !isRunning()) return
      const records = batch.messages.map(({ offset, value }) => [batch.partition, Number(offset), value.toString()])
      member.read(records)
      const next = Number(batch.lastOffset()) + 1
      await each(consumer, batch.partition, next, records)
    },
  })
  return () => consumer.disconnect()
}

async function join(member, command) {
  return consume(member, command, async (consumer, partition, next) => {
    await consumer.commitOffsets([{ topic: command.topic, partition, offset: String(next) }])
    member.committed(new Map([[partition, next]]))
  })
}

async function open(transactional) {
  const producer = kafka.producer({
    transactionalId: transactional,
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
  })
  await producer.connect()
  // Only its first transaction asks for the producer id.
  let transaction = await producer.transaction()
  return {
    begin: async () => {
      if (!transaction.isActive()) transaction = await producer.transaction()
    },
    send: ({ topic, values }) => transaction.send({ topic, messages: messages(values) }),
    sendOffsets: (offsets) => transaction.sendOffsets(offsets),
    commit: () => transaction.commit(),
    abort: () => transaction.abort(),
    close: () => producer.disconnect(),
  }
}

// After a failure: a new producer with the same id, which ends what the old one left, and then a new consumer, which begins
// at the committed offsets.
async function transform(member, command) {
  let isLeaving = false
  const work = async () => {
    while (!isLeaving) {
      const producer = await open(command.transactional)
      let hasFailed
      const failure = new Promise((resolve) => (hasFailed = resolve))
      const leave = await consume(member, command, async (consumer, partition, next, records) => {
        try {
          await producer.begin()
          await producer.send({ topic: command.to, values: records.map(transformed) })
          const topics = [{ topic: command.topic, partitions: [{ partition, offset: String(next) }] }]
          await producer.sendOffsets({ consumerGroupId: command.group, topics })
          await producer.commit()
        } catch (error) {
          member.failed(error)
          hasFailed()
          await new Promise(() => {}) // nothing more is read by this one
        }
      })
      while (!isLeaving && !(await Promise.race([failure.then(() => true), pause(50)])));
      await Promise.race([leave(), pause(1_000)])
      await producer.close()
    }
  }
  const ended = work().catch(member.failed)
  return () => {
    isLeaving = true
    return ended
  }
}

serve({
  topic: async ({ topic, partitions }) => {
    await isConnected
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true })
  },
  produce: async ({ topic, values }) => {
    await producer.send({ topic, acks: -1, messages: messages(values) })
  },
  join,
  transform,
  open,
  // The list has no states.
  groups: async () => {
    const { groups } = await admin.listGroups()
    const described = await admin.describeGroups(groups.map(({ groupId }) => groupId))
    return Object.fromEntries(described.groups.map(({ groupId, state }) => [groupId, state.toLowerCase()]))
  },
  describe: async ({ group }) => {
    const { groups } = await admin.describeGroups([group])
    return [groups[0].state.toLowerCase(), groups[0].members.length]
  },
  committed: async ({ group, topic }) => {
    const offsets = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    return offsets[0].partitions.map(({ partition, offset }) => [partition, Number(offset)]).filter(([, offset]) => offset >= 0)
  },
  reset: async ({ group, topic, offsets }) => {
    const partitions = offsets.map(([partition, offset]) => ({ partition, offset: String(offset) }))
    await admin.setOffsets({ groupId: group, topic, partitions })
  },
  delete: async ({ group }) => {
    await admin.deleteGroups([group])
  },
})
