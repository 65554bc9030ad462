import { useEffect, useRef } from "react";
import { Button } from "../parts";
import { hashOf, SCREENS, type ScreenName } from "./routes";
import { switchTheme, useTheme } from "./theme";

/** Beside the screen; a row above it where the page is narrow. */
export function Navigation({ current }: { current: ScreenName }) {
  const theme = useTheme();
  const row = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another screen is another place in the row
  useEffect(() => {
    const link = row.current?.querySelector("[aria-current]");
    link?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current]);
  const other = theme === "dark" ? "light" : "dark";
  return (
    <header className="navigation">
      <a className="brand" href={hashOf("home")} aria-label="flowbackup, home">
        <img src="./icon.svg" alt="" width="24" height="24" />
        <span>flowbackup</span>
      </a>
      <nav ref={row} aria-label="Screens">
        {SCREENS.map((screen) => (
          <a
            key={screen.name}
            href={hashOf(screen.name)}
            aria-current={screen.name === current ? "page" : undefined}
          >
            {screen.title}
          </a>
        ))}
      </nav>
      <Button
        kind="quiet"
        className="theme"
        onClick={switchTheme}
        aria-label={`Use ${other} colours`}
      >
        <span aria-hidden="true">{theme === "dark" ? "☀" : "☾"}</span>
      </Button>
    </header>
  );
}
