// Each screen is fetched when it is first shown.
import { type ComponentType, type LazyExoticComponent, lazy } from "react";
import type { Route, ScreenName } from "./routes";

export type Screen = ComponentType<{ route: Route }>;

export const SCREEN_OF: Record<ScreenName, LazyExoticComponent<Screen>> = {
  home: lazy(() => import("../home")),
  design: lazy(() => import("../designer")),
  plan: lazy(() => import("../plan")),
  run: lazy(() => import("../run")),
  catalog: lazy(() => import("../catalog")),
  restore: lazy(() => import("../restore")),
  devices: lazy(() => import("../devices")),
  retention: lazy(() => import("../retention")),
  sessions: lazy(() => import("../sessions")),
};
