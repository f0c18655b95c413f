/** Receivers of messages on this machine that take everything: a mail server, and an address for requests. */
import { createServer as createHttp } from 'node:http'
import { createServer } from 'node:net'

const listening = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))

/** Keeps every mail: whom it was for, and its text. */
export async function mailbox() {
  const got = []
  const server = createServer((socket) => {
    const say = (text) => socket.write(`${text}\r\n`)
    let to = []
    let text = ''
    let isText = false
    socket.on('error', () => {})
    socket.on('data', (part) => {
      text += part
      for (;;) {
        const mark = isText ? '\r\n.\r\n' : '\r\n'
        const end = text.indexOf(mark)
        if (end < 0) return
        const said = text.slice(0, end)
        text = text.slice(end + mark.length)
        if (isText) {
          got.push({ to, text: said })
          to = []
          isText = false
          say('250 kept')
        } else if (/^data/i.test(said)) {
          isText = true
          say('354 go on')
        } else if (/^quit/i.test(said)) {
          say('221 bye')
          socket.end()
        } else {
          const found = /^rcpt to:<(.*?)>/i.exec(said)
          if (found) to.push(found[1])
          say('250 fine')
        }
      }
    })
    say('220 mailbox.test')
  })
  return { got, port: await listening(server), close: () => server.close() }
}

/** Keeps the body of every request. */
export async function letterbox() {
  const got = []
  const server = createHttp((request, response) => {
    let body = ''
    request.on('data', (part) => (body += part))
    request.on('end', () => {
      got.push(body)
      response.end('thanks')
    })
  })
  return { got, url: `http://127.0.0.1:${await listening(server)}`, close: () => server.close() }
}
