import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The server that `npm run dev` speaks with: flowbackup ui --port 8370 --no-browser.
const SERVER = "http://127.0.0.1:8370";

export default defineConfig({
  base: "./",
  plugins: [react()],
  build: {
    outDir: "../built",
    emptyOutDir: true,
    target: "es2022",
    // Data URLs would need a hole in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": { target: SERVER, changeOrigin: true } } },
});
