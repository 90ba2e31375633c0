// @platformatic/kafka as an application: see application.js. It speaks no inflexible version of the protocol.
// It leaves as a static member too, reads aborted records whatever the isolation level, and after a lost connection its
// streams don't always go on.

const { Admin, Consumer, Producer, MessagesStreamModes, MessagesStreamFallbackModes } = require('@platformatic/kafka')
const { serve, transformed, pause } = require('./application.js')

const options = { clientId: 'interop', bootstrapBrokers: [process.argv[4]], retries: 200, retryDelay: 100, autocreateTopics: false }
const admin = new Admin(options)
// An idempotent one does not get over a lost connection: its sequence numbers have a gap then.
const producer = new Producer({ ...options, acks: -1 })

const messages = (topic, values) => values.map(([partition, value]) => ({ topic, partition, value: Buffer.from(value) }))

// What a stream has at the moment, until it ends.
async function* batches(stream) {
  const events = ['readable', 'end', 'close', 'error']
  while (!stream.readableEnded && !stream.destroyed) {
    const batch = []
    let message
    while (batch.length < 100 && (message = stream.read()) !== null) batch.push(message)
    if (batch.length > 0) yield batch
    else await anyOf(stream, events)
  }
}

function anyOf(stream, events) {
  return new Promise((resolve) => {
    const happened = () => {
      for (const event of events) stream.off(event, happened)
      resolve()
    }
    for (const event of events) stream.on(event, happened)
  })
}

// Reads until it is told to leave or `each` fails; calls `each` with the last message of each partition and with all records.
async function consume(member, { group, topic, instance, isolation }, state, each) {
  const consumer = new Consumer({
    ...options,
    groupId: group,
    ...(instance ? { groupInstanceId: instance } : {}),
    // A member that leaves while it joins stays in the group until its session ends.
    sessionTimeout: 6_000,
    rebalanceTimeout: 6_000,
    heartbeatInterval: 200,
    maxWaitTime: 100,
    autocommit: false,
    isolationLevel: isolation === 'read_uncommitted' ? 0 : 1,
  })
  let isJoining = true
  let stream
  // What a stream held before a rebalance it hands out after it, and may not go on where the group is: a new one does.
  consumer.on('consumer:group:rebalance', () => (isJoining = true))
  consumer.on('consumer:group:join', () => {
    isJoining = false
    stream?.close()
  })
  state.leave = () => stream?.close()
  try {
    while (!state.isLeaving) {
      stream = undefined
      stream = await consumer.consume({
        topics: [topic],
        mode: MessagesStreamModes.COMMITTED,
        fallbackMode: MessagesStreamFallbackModes.EARLIEST,
      })
      const generation = consumer.generationId
      for await (const batch of batches(stream)) {
        if (state.isLeaving || consumer.generationId !== generation) break
        const records = batch.map(({ partition, offset, value }) => [partition, Number(offset), value.toString()])
        member.read(records)
        const last = new Map(batch.map((message) => [message.partition, message]))
        await each(consumer, [...last.values()], records)
      }
    }
  } finally {
    for (const begin = Date.now(); isJoining && Date.now() < begin + 6_000; ) await pause(10)
    await consumer.close(true)
  }
}

// Keeps a member going; -> a function that leaves.
function keepGoing(member, work) {
  const state = { isLeaving: false, leave: () => {} }
  const ended = (async () => {
    while (!state.isLeaving) {
      try {
        await work(state)
      } catch (error) {
        member.failed(error)
        await pause(100)
      }
    }
  })()
  return async () => {
    state.isLeaving = true
    state.leave()
    await ended
  }
}

async function join(member, command) {
  return keepGoing(member, (state) =>
    consume(member, command, state, async (_, last) => {
      for (const message of last) {
        await message.commit()
        member.committed(new Map([[message.partition, Number(message.offset) + 1]]))
      }
    }),
  )
}

async function open(transactional) {
  const producer = new Producer({ ...options, idempotent: true, acks: -1, transactionalId: transactional })
  // Only its first transaction asks for the producer id; by itself it would say that it had one, which another has by now.
  let transaction = await producer.beginTransaction({ producerId: -1n, producerEpoch: -1 })
  return {
    begin: async () => {
      if (transaction.completed) transaction = await producer.beginTransaction()
    },
    send: ({ topic, values }) => transaction.send({ messages: messages(topic, values) }),
    addOffsets: async (consumer, messages) => {
      await transaction.addConsumer(consumer)
      for (const message of messages) await transaction.addOffset(message)
    },
    commit: () => transaction.commit(),
    abort: () => transaction.abort(),
    close: () => producer.close(true),
  }
}

// After a failure: a new producer with the same id, which ends what the old one left, and then a new consumer, which begins
// at the committed offsets.
async function transform(member, command) {
  return keepGoing(member, async (state) => {
    const producer = await open(command.transactional)
    try {
      await consume(member, command, state, async (consumer, last, records) => {
        await producer.begin()
        await producer.send({ topic: command.to, values: records.map(transformed) })
        await producer.addOffsets(consumer, last)
        await producer.commit()
      })
    } finally {
      await producer.close()
    }
  })
}

serve({
  topic: async ({ topic, partitions }) => {
    await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
  },
  produce: async ({ topic, values }) => {
    await producer.send({ messages: messages(topic, values) })
  },
  join,
  transform,
  open,
  groups: async () => {
    const groups = await admin.listGroups()
    return Object.fromEntries([...groups.values()].map(({ id, state }) => [id, state.toLowerCase()]))
  },
  describe: async ({ group }) => {
    const described = (await admin.describeGroups({ groups: [group] })).get(group)
    return [described.state.toLowerCase(), described.members.size]
  },
  committed: async ({ group, topic }) => {
    const [{ topics }] = await admin.listConsumerGroupOffsets({ groups: [group] })
    const partitions = topics.find(({ name }) => name === topic)?.partitions ?? []
    return partitions.map(({ partitionIndex, committedOffset }) => [partitionIndex, Number(committedOffset)])
  },
  reset: async ({ group, topic, offsets }) => {
    const partitionOffsets = offsets.map(([partition, offset]) => ({ partition, offset: BigInt(offset) }))
    await admin.alterConsumerGroupOffsets({ groupId: group, topics: [{ name: topic, partitionOffsets }] })
  },
  delete: async ({ group }) => {
    await admin.deleteGroups({ groups: [group] })
  },
})
