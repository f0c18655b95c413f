/// <reference types="vitest/config" />
import react from '@vitejs/plugin-react'
import { defineConfig, loadEnv } from 'vite'

export default defineConfig(({ mode }) => {
  // The address of a running `nomaflow serve`, for `npm run dev`.
  const server = loadEnv(mode, '.', 'NOMAFLOW_').NOMAFLOW_URL ?? 'http://127.0.0.1:8000'
  return {
    // Relative addresses: the server's `<base href>` decides the path the page lives under.
    base: './',
    plugins: [react()],
    build: {
      target: 'baseline-widely-available',
      assetsInlineLimit: 0,
      cssMinify: 'lightningcss',
      modulePreload: { polyfill: false },
      sourcemap: false,
    },
    worker: { format: 'es' },
    server: { proxy: { '/admin': server, '/auth': server, '/healthz': server } },
    // A busy machine takes its time; a test that hangs still ends.
    test: { include: ['src/**/*.test.ts', 'scripts/*.test.mjs'], environment: 'node', css: true, testTimeout: 60_000 },
  }
})
