import { Suspense, useEffect, useState } from "react";
import { onRefused } from "../api/client";
import { Toasts } from "../parts";
import { ErrorBorder } from "./ErrorBorder";
import { Navigation } from "./Navigation";
import { SCREENS, useRoute } from "./routes";
import { SCREEN_OF } from "./screens";
import { TokenDialog } from "./TokenDialog";

/** The frame of the page: navigation, and the screen that the address names. */
export function App() {
  const route = useRoute();
  const [isRefused, setRefused] = useState(false);
  useEffect(() => onRefused(() => setRefused(true)), []);
  useEffect(() => {
    const title = SCREENS.find((screen) => screen.name === route.screen)?.title;
    document.title = `${title} – flowbackup`;
  }, [route.screen]);
  const Screen = SCREEN_OF[route.screen];
  return (
    <Toasts>
      {/* biome-ignore lint/a11y/useValidAnchor: a link to a place on this page, which is what it is */}
      <a className="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <div className="shell">
        <Navigation current={route.screen} />
        <main id="main" tabIndex={-1}>
          <ErrorBorder key={route.screen}>
            <Suspense fallback={<p className="screen soft">Loading…</p>}>
              <Screen route={route} />
            </Suspense>
          </ErrorBorder>
        </main>
      </div>
      {isRefused && <TokenDialog />}
    </Toasts>
  );
}

// The hash is the route, so that the link moves the focus itself.
function skip(event: { preventDefault: () => void }): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
