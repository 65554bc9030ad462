/** Sizes, rates and durations as flowbackup.units writes them.  What is not known is called so. */

export const UNKNOWN = "unknown";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** "8 MiB", "1.5 GiB", "17 B". */
export function formatSize(bytes: number | null | undefined): string {
  if (bytes == null) return UNKNOWN;
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const text = unit === 0 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, "");
  return `${text} ${UNITS[unit]}`;
}

/** Decimal, as rates are written in graphs; "-" for none. */
export function formatRate(bytesPerSecond: number | null | undefined): string {
  if (bytesPerSecond == null) return UNKNOWN;
  if (bytesPerSecond <= 0) return "–";
  if (bytesPerSecond < 1e3) return `${bytesPerSecond.toFixed(0)} B/s`;
  if (bytesPerSecond < 1e6) return `${(bytesPerSecond / 1e3).toFixed(0)} kB/s`;
  if (bytesPerSecond < 1e7) return `${(bytesPerSecond / 1e6).toFixed(1)} MB/s`;
  return `${(bytesPerSecond / 1e6).toFixed(0)} MB/s`;
}

/** "3.2 s", "4:05", "2:30:00", "3 d 4 h". */
export function formatSeconds(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return UNKNOWN;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const days = Math.floor(whole / 86_400);
  if (days >= 2) return `${days} d ${Math.floor((whole % 86_400) / 3600)} h`;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** "1,234": of files, frames, versions. */
export function formatCount(count: number | null | undefined): string {
  return count == null ? UNKNOWN : count.toLocaleString("en-US");
}

/** "1 file", "3 files". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
