import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Relative, so that the page works from any host, any sub-path and any IPFS gateway.
  base: './',
  plugins: [react()],
  build: { target: 'es2022', sourcemap: false, chunkSizeWarningLimit: 900 },
  preview: { allowedHosts: true },
  server: { allowedHosts: true },
  test: { include: ['src/**/*.test.{ts,tsx}', 'tests/**/*.test.ts'] },
});
