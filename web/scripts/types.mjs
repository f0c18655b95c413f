/**
 * Makes `src/api/wire.ts`, the types of everything the server answers and takes, from the document the server's own tests
 * keep (`host/api/openapi.json`): `npm run types`. A test compares; nothing else writes the file.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import openapiTS, { astToString } from 'openapi-typescript'

const SNAPSHOT = new URL('../../host/api/openapi.json', import.meta.url)
export const PLACE = new URL('../src/api/wire.ts', import.meta.url)

const HEAD = '/** Made by `npm run types` from host/api/openapi.json. Do not edit. */\n\n'

/** The text of the file, as it should be. */
export async function render() {
  const { openapi, info, components } = JSON.parse(await readFile(SNAPSHOT, 'utf8'))
  // The schemas only: the page's requests have functions of their own, whose addresses a test compares with the document.
  const document = { openapi, info: { title: info.title, version: '0' }, paths: {}, components: { schemas: components.schemas } }
  const nodes = await openapiTS(document, { rootTypes: true, rootTypesNoSchemaPrefix: true, emptyObjectsUnknown: true, alphabetize: true, defaultNonNullable: false, silent: true })
  // Without paths and operations, there is nothing to say of them.
  return HEAD + astToString(nodes).replace(/^export type (paths|webhooks|operations|\$defs) = .*\n/gm, '')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(PLACE, await render())
