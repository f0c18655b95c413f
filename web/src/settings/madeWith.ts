/** What of others the bundle of the page carries, by the packages it comes in; a test holds it against the manifest. */
export interface Part {
  name: string
  licence: string
  /** Packages, or what their names begin with. */
  packages: string[]
}

export const MADE_WITH: Part[] = [
  { name: 'React', licence: 'MIT', packages: ['react', 'react-dom'] },
  { name: 'TanStack Query', licence: 'MIT', packages: ['@tanstack/react-query'] },
  { name: 'TanStack Router', licence: 'MIT', packages: ['@tanstack/react-router'] },
  { name: 'CodeMirror', licence: 'MIT', packages: ['@codemirror/'] },
  { name: 'Lezer', licence: 'MIT', packages: ['@lezer/'] },
  { name: 'Lucide', licence: 'ISC', packages: ['lucide-react'] },
  { name: 'Inter', licence: 'OFL-1.1', packages: ['@fontsource-variable/inter'] },
  { name: 'JetBrains Mono', licence: 'OFL-1.1', packages: ['@fontsource-variable/jetbrains-mono'] },
]

/** Whether one of the parts comes in the package. */
export const comesIn = (part: Part, name: string): boolean => part.packages.some((each) => (each.endsWith('/') ? name.startsWith(each) : name === each))
