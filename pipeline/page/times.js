// Moments in the reader's zone.

export const own_zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

export function zones() {
  const known = Intl.supportedValuesOf ? Intl.supportedValuesOf("timeZone") : [];
  return [...new Set([own_zone, "UTC", ...known])];
}

export function is_zone(text) {
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

const format = (options) => (moment, zone) =>
  new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone }).format(new Date(moment));

const DAY = { weekday: "short", day: "numeric", month: "short", year: "numeric" };
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };

export const date_and_time = format({ ...DAY, ...CLOCK });
export const clock_time = format(CLOCK);
export const minute = format({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const day = format({ day: "numeric", month: "short" });

/** Seconds as people say them. */
export function ago(seconds) {
  if (seconds < 120) return `${Math.floor(seconds)} s ago`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ago`;
  return `${Math.floor(seconds / 3600)} h ago`;
}
