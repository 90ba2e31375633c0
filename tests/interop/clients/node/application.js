// What the applications in JavaScript have in common: the commands that ../../applications.py describes.

const readline = require('node:readline')

function tell(said) {
  process.stdout.write(JSON.stringify(said) + '\n')
}

const causes = (error) => (error.errors ?? []).flatMap((each) => [each, ...causes(each)])

function note(name, error) {
  console.error(new Date().toISOString(), name, error)
}

// What a member tells. `next` is a Map from partition to offset.
const told = (name) => ({
  name,
  read: (records) => tell({ member: name, read: records }),
  committed: (next) => tell({ member: name, committed: [...next] }),
  failed: (error) => note(name, error),
})

const transformed = ([partition, offset, value]) => [partition, `${partition}:${offset}:${value}`]

// A client gives an object with a function for each command. `join` and `transform` get told(name) first, and return a
// function that leaves; `open` returns a producer with `begin`, `send`, `commit` and `abort`.
function serve(client) {
  const members = new Map()
  const producers = new Map()
  const commands = {
    ...client,
    join: async (command) => members.set(command.member, await client.join(told(command.member), command)) && null,
    transform: async (command) => members.set(command.member, await client.transform(told(command.member), command)) && null,
    leave: async ({ member }) => (await members.get(member)(), null),
    open: async ({ producer, transactional }) => producers.set(producer, await client.open(transactional)) && null,
  }
  for (const name of ['begin', 'send', 'commit', 'abort']) {
    commands[name] = async (command) => (await producers.get(command.producer)[name](command), null)
  }
  const lines = readline.createInterface({ input: process.stdin })
  lines.on('line', async (line) => {
    const command = JSON.parse(line)
    try {
      tell({ id: command.id, result: (await commands[command.do](command)) ?? null })
    } catch (error) {
      note(command.do, error)
      tell({ id: command.id, error: [error, ...causes(error)].join('; ') })
    }
  })
  lines.on('close', () => process.exit(0))
  // A client's background work may fail when the broker dies; its users would note that and go on.
  process.on('unhandledRejection', (error) => note('unhandled', error))
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

module.exports = { serve, transformed, pause }
