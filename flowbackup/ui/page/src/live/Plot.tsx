import { useEffect, useRef } from "react";
import type uPlot from "uplot";
import { useTheme } from "../shell/theme";
import { visible } from "../text/visible";
import "uplot/dist/uPlot.min.css";
import "./plot.css";

export interface PlotLine {
  name: string;
  values: readonly (number | null)[];
}

interface PlotProps {
  label: string;
  seconds: readonly number[];
  lines: readonly PlotLine[];
  text: (value: number) => string;
  height?: number;
}

const COLOURS = [
  "--accent",
  "--role-mirror",
  "--role-restore",
  "--role-copy",
  "--role-client",
  "--bad",
];

/** Lines over time.  The library comes when the first of them is shown. */
export function Plot({ label, seconds, lines, text, height = 190 }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = useRef<uPlot.AlignedData>([[]]);
  const theme = useTheme();
  data.current = [seconds as number[], ...lines.map((line) => line.values as (number | null)[])];
  const names = lines.map((line) => line.name).join("\n");

  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme changes the colours
  useEffect(() => {
    const box = place.current;
    if (!box) return;
    let isGone = false;
    const sized = new ResizeObserver(() =>
      plot.current?.setSize({ width: box.clientWidth, height }),
    );
    void import("uplot").then(({ default: Plotted }) => {
      if (isGone) return;
      plot.current = new Plotted(
        optionsOf(box, names.split("\n"), text, height),
        data.current,
        box,
      );
      sized.observe(box);
    });
    return () => {
      isGone = true;
      sized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [names, theme, height, text]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: lines and seconds are the data
  useEffect(() => plot.current?.setData(data.current), [seconds, lines]);

  return (
    <figure className="plot" aria-label={label}>
      <div ref={place} aria-hidden="true" />
      <figcaption className="plot-names">
        {lines.map((line, at) => (
          <span key={line.name}>
            <i style={{ background: `var(${COLOURS[at % COLOURS.length]})` }} />
            {visible(line.name)}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

function optionsOf(
  box: HTMLElement,
  names: readonly string[],
  text: (value: number) => string,
  height: number,
): uPlot.Options {
  const style = getComputedStyle(box);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--ink-soft"),
    font: `11px ${colour("--font")}`,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: box.clientWidth,
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { x: { time: false }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
    axes: [
      { ...axis, size: 30, values: (_, values) => values.map(clock) },
      {
        ...axis,
        size: 74,
        values: (_, values) => values.map((value) => (value ? text(value) : "0")),
      },
    ],
    series: [
      {},
      ...names.map((label, at) => ({
        label,
        stroke: colour(COLOURS[at % COLOURS.length] ?? "--accent"),
        width: 1.8,
        points: { show: false },
      })),
    ],
  };
}

function clock(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const two = (part: number) => String(part).padStart(2, "0");
  const rest = two(Math.floor(seconds % 60));
  return hours ? `${hours}:${two(minutes % 60)}:${rest}` : `${minutes}:${rest}`;
}
