// The page begins here.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./shell/App";
import { beginTheme } from "./shell/theme";
import { takeToken } from "./shell/token";
import "./parts/tokens.css";
import "./parts/parts.css";
import "./parts/overlays.css";
import "./shell/shell.css";

takeToken();
beginTheme();

const place = document.getElementById("page");
if (place) {
  createRoot(place).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
