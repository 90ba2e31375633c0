// kafkajs: makes the checks that suite.py describes, as a producer (it consumes only in groups).
// It speaks old versions of the protocol: none of its core calls uses the flexible encoding.

const fs = require('node:fs')
const { Kafka, CompressionTypes, CompressionCodecs, ConfigResourceTypes, ConfigSource, logLevel } = require('kafkajs')
const lz4 = require('lz4-napi')
const snappy = require('snappyjs')
const zstd = require('@bokuweb/zstd-wasm')

const WAIT_MS = 30_000

// kafkajs brings gzip alone; a codec is a function that gives these two. Only compress is used here.
const codec = (compress) => () => ({ compress: async (encoder) => Buffer.from(compress(encoder.buffer)) })
CompressionCodecs[CompressionTypes.Snappy] = codec((data) => snappy.compress(data))
CompressionCodecs[CompressionTypes.LZ4] = codec((data) => lz4.compressFrameSync(data))
CompressionCodecs[CompressionTypes.ZSTD] = codec((data) => zstd.compress(data))

const COMPRESSION = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}

async function main() {
  const [name, phase, address, manifestPath] = process.argv.slice(2)
  if (phase !== 'write') return
  const manifest = JSON.parse(fs.readFileSync(manifestPath, 'utf8'))
  await zstd.init()
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.WARN })
  const admin = kafka.admin()
  await admin.connect()
  await write(kafka, admin, name, address, manifest)
  await admin.disconnect()
}

async function write(kafka, admin, name, address, manifest) {
  const topics = manifest.writers[name]
  const configEntries = Object.entries(manifest.topic_configs).map(([name, value]) => ({ name, value }))

  await check('create topics', async () => {
    await admin.createTopics({
      topics: topics.map(({ topic, partitions }) => ({ topic, numPartitions: partitions, configEntries })),
    })
    for (const { topic, partitions } of topics) {
      await until(async () => (await admin.fetchTopicOffsets(topic)).filter(({ high }) => high === '0').length === partitions)
    }
    const again = await admin.createTopics({ topics: [{ topic: topics[0].topic, numPartitions: 1 }] })
    expect('creating a topic again', again, false)
  })

  await check('describe topics', async () => {
    const { topics: described } = await admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) })
    for (const { topic, partitions } of topics) {
      const found = described.find((each) => each.name === topic).partitions.sort((a, b) => a.partitionId - b.partitionId)
      expect('partitions', found.map(({ partitionId }) => partitionId), [...Array(partitions).keys()])
      for (const { leader, replicas, isr } of found) expect('replicas and isr', [replicas, isr], [[leader], [leader]])
    }
    const listed = await admin.listTopics()
    expect('not listed', topics.filter(({ topic }) => !listed.includes(topic)), [])
  })

  let node
  await check('describe cluster', async () => {
    const cluster = await admin.describeCluster()
    expect('brokers', cluster.brokers.map(({ host, port }) => `${host}:${port}`), [address])
    node = cluster.brokers[0].nodeId
    expect('controller', cluster.controller, node)
    expect('has a cluster id', cluster.clusterId.length > 0, true)
  })

  await check('describe configs', async () => {
    const config = async (type, name) => {
      const { resources } = await admin.describeConfigs({ includeSynonyms: true, resources: [{ type, name }] })
      return (key) => {
        const { configValue, configSource } = resources[0].configEntries.find(({ configName }) => configName === key)
        return [configValue, configSource === ConfigSource.DEFAULT_CONFIG]
      }
    }
    const topic = await config(ConfigResourceTypes.TOPIC, topics[0].topic)
    expect('retention.ms', topic('retention.ms'), ['-1', false])
    expect('cleanup.policy', topic('cleanup.policy'), ['delete', true])
    const broker = await config(ConfigResourceTypes.BROKER, String(node))
    expect('log.segment.bytes', broker('log.segment.bytes'), ['1073741824', true])
    expect('node.id', broker('node.id')[0], String(node))
  })

  for (const topic of topics) await check(`produce ${topic.check}`, () => produce(kafka, topic, manifest))

  await check('list offsets', async () => {
    for (const { topic, offsets } of topics) {
      const ends = await admin.fetchTopicOffsets(topic)
      for (const { partition, at, offset } of offsets) {
        const ofPartition = (list) => list.find((each) => each.partition === partition)
        const what = `${topic}-${partition} at ${at}`
        if (at === 'earliest') expect(what, ofPartition(ends).low, String(offset))
        if (at === 'latest') expect(what, ofPartition(ends).high, String(offset))
        if (typeof at === 'number' && at > 0) {
          // Where there is no such record, kafkajs answers with the end.
          const wanted = offset === -1 ? ofPartition(ends).high : String(offset)
          expect(what, ofPartition(await admin.fetchTopicOffsetsByTimestamp(topic, at)).offset, wanted)
        }
      }
    }
  })

  const doomed = `${name}-doomed`
  await check('create partitions', async () => {
    await admin.createTopics({ topics: [{ topic: doomed, numPartitions: 2 }] })
    await admin.createPartitions({ topicPartitions: [{ topic: doomed, count: 4 }] })
    await until(async () => (await admin.fetchTopicMetadata({ topics: [doomed] })).topics[0].partitions.length === 4)
  })

  await check('delete topic', async () => {
    await admin.deleteTopics({ topics: [doomed] })
    await until(async () => {
      const listed = await admin.listTopics()
      return !listed.includes(doomed) && listed.includes(topics[0].topic)
    })
  })
}

async function produce(kafka, { topic, record_set, flush_every, compression, acks, idempotent }, manifest) {
  const producer = kafka.producer({ idempotent, allowAutoTopicCreation: false })
  await producer.connect()
  const records = manifest.record_sets[record_set]
  const next = new Map()
  for (let start = 0; start < records.length; start += flush_every) {
    const messages = records.slice(start, start + flush_every).map((record) => ({
      partition: record.partition,
      timestamp: String(record.timestamp_ms),
      key: bytes(record.key),
      value: bytes(record.value),
      headers: headers(record.headers),
    }))
    const placed = await producer.send({ topic, messages, acks, compression: COMPRESSION[compression] })
    if (acks !== 0) {
      for (const { partition, errorCode, baseOffset } of placed) {
        expect('error', errorCode, 0)
        expect(`base offset in partition ${partition}`, baseOffset, String(next.get(partition) ?? 0))
      }
    }
    for (const { partition } of messages) next.set(partition, (next.get(partition) ?? 0) + 1)
  }
  await producer.disconnect()
}

// An object from name to value, or to an array of values where a name comes more than once.
function headers(list) {
  const result = {}
  for (const [name, value] of list) (result[name] ??= []).push(bytes(value))
  return result
}

function bytes(base64) {
  return base64 === null ? null : Buffer.from(base64, 'base64')
}

function expect(what, got, wanted) {
  const [left, right] = [JSON.stringify(got), JSON.stringify(wanted)]
  if (left !== right) throw new Error(`${what}: got ${left}, expected ${right}`)
}

// Repeats until it holds: metadata reaches a broker a moment after the call that changed it.
async function until(holds) {
  const deadline = Date.now() + WAIT_MS
  let last = 'false'
  for (;;) {
    try {
      if (await holds()) return
    } catch (error) {
      last = error
    }
    if (Date.now() > deadline) throw new Error(`after ${WAIT_MS} ms still: ${last}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function check(name, body) {
  const start = Date.now()
  let outcome = 'pass'
  let detail = ''
  try {
    await body()
  } catch (error) {
    console.error(error)
    outcome = 'fail'
    detail = String(error).replace(/\s+/g, ' ')
  }
  console.log(`${name}\t${outcome}\t${((Date.now() - start) / 1000).toFixed(2)}\t${detail}`)
}

main().then(
  () => process.exit(0), // a failed check may leave a connection open
  (error) => {
    console.error(error)
    process.exit(1)
  },
)
