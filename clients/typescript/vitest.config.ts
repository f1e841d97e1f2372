import { defineConfig } from "vitest/config";

// A busy machine does not make code slow: what waits in a test has bounds of its own.
export default defineConfig({ test: { testTimeout: 120_000, hookTimeout: 120_000 } });
