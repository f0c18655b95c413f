/** The page and the server mean the same: types and addresses, compared with the document the server keeps of itself. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { PLACE, render } from './types.mjs'

test('the types are those of the document; `npm run types` makes them again', async () => {
  expect(readFileSync(PLACE, 'utf8')).toBe(await render())
})

test('every address the page asks for stands in the document', () => {
  const root = new URL('../', import.meta.url).pathname
  const { paths } = JSON.parse(readFileSync(new URL('../../host/api/openapi.json', import.meta.url), 'utf8'))
  const known = Object.keys(paths).map((path) => path.split('/').slice(1))
  // The fields of the editor name places in a job, not addresses.
  const sources = readdirSync(`${root}src`, { recursive: true }).filter((name) => /(?<!\.test)\.tsx?$/.test(name) && !/^editor\/(fields|words)\.ts$/.test(name))
  const asked = sources.flatMap((name) => [...readFileSync(`${root}src/${name}`, 'utf8').matchAll(/['`]((?:admin|auth)\/[^'`\s]*)['`]/g)].map((found) => ({ name, address: found[1] })))
  expect(asked.length).toBeGreaterThan(40)
  const strangers = asked.filter(({ address }) => {
    // What is filled in after a slash is one part of the address; what is filled in elsewhere is the query. Some are beginnings.
    const parts = address.replace(/\/\$\{.*?\}+(?=[/?$]|$)/g, '/*').replace(/[?$].*$|\/$/g, '').split('/')
    return !known.some((path) => parts.every((part, i) => part === path[i] || (part === '*' && path[i]?.startsWith('{'))))
  })
  expect(strangers).toEqual([])
})
